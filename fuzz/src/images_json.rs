//! `ays-images.json`: whatever a pool offers, the file is JSON that says the same.

use arbitrary::{Result, Unstructured};
use ays_catalogue::{ImageId, Offer, index_json};
use ays_model::{BootType, Content, Digest, DiskFormat};
use serde_json::{Value, json};

/// See the module.
pub fn check(data: &[u8]) {
    // What is too short for an offer says nothing.
    let Ok(mut offers) = offers(&mut Unstructured::new(data)) else { return };
    let text = index_json(&offers, &[]);
    assert!(text.ends_with("}\n"), "{text:?}");
    offers.sort_by(|a, b| a.name.cmp(&b.name));
    let images: Vec<Value> = offers.iter().map(said).collect();
    let expected = json!({ "version": 1, "images": images });
    assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(expected), "{text:?}");
    assert_eq!(index_json(&offers, &[]), text, "the same offers in another order");
}

fn offers(data: &mut Unstructured<'_>) -> Result<Vec<Offer>> {
    let mut offers = Vec::new();
    while !data.is_empty() {
        offers.push(offer(data)?);
    }
    Ok(offers)
}

fn offer(data: &mut Unstructured<'_>) -> Result<Offer> {
    Ok(Offer {
        name: data.arbitrary::<String>()?.into(),
        id: ImageId(data.arbitrary()?),
        generation: data.arbitrary()?,
        file: data.arbitrary()?,
        format: *data.choose(&[DiskFormat::Raw, DiskFormat::Qcow2])?,
        digest: Digest::FsVerity(Content(data.arbitrary()?)),
        size: data.arbitrary()?,
        virtual_size: data.arbitrary()?,
        boot_type: *data.choose(&[BootType::Bios, BootType::Uefi])?,
        minimum_size: data.arbitrary()?,
        hot_resize: data.arbitrary()?,
        category: data.arbitrary()?,
        stacks: data.arbitrary::<Vec<String>>()?.into_iter().map(Into::into).collect(),
        verified_at_source: data.arbitrary()?,
    })
}

fn said(offer: &Offer) -> Value {
    let format = match offer.format {
        DiskFormat::Raw => "raw",
        DiskFormat::Qcow2 => "qcow2",
    };
    let boot_type = match offer.boot_type {
        BootType::Bios => "bios",
        BootType::Uefi => "uefi",
    };
    json!({
        "name": offer.name, "id": offer.id.0, "generation": offer.generation, "file": offer.file, "format": format,
        "digest": offer.digest, "size": offer.size, "virtualSize": offer.virtual_size, "bootType": boot_type,
        "minimumSize": offer.minimum_size, "hotResize": offer.hot_resize, "category": offer.category,
        "stacks": offer.stacks, "verifiedAtSource": offer.verified_at_source,
    })
}
