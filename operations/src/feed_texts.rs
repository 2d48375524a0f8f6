//! The texts of a simplestreams feed.

use std::collections::{BTreeMap, HashSet};

use ays_catalogue::{Generation, Image, Timestamp};
use ays_model::Content;
use jiff::fmt::rfc2822;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// An offered generation whose files are here.
pub(crate) struct Item {
    pub image: Image,
    pub generation: Generation,
    pub content: Content,
    pub recorded: Recorded,
}

/// What is known of a content whose files are whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// The disk.
    pub disk: FileFacts,
    /// What LXD and Incus want to know of it.
    pub metadata: FileFacts,
    /// Of the bytes of both, the metadata first: LXD's name for the image.
    pub combined_sha256: ays_model::Sha256,
}

/// A file as a client gets it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct FileFacts {
    /// Its length in bytes.
    pub size: u64,
    pub sha256: ays_model::Sha256,
}

pub(crate) fn disk_file(content: Content) -> String {
    format!("{content}.qcow2")
}

pub(crate) fn metadata_file(content: Content) -> String {
    format!("{content}.tar")
}

/// The stream's name.
fn stream(environment: &str) -> String {
    format!("ays.{environment}:images")
}

/// `streams/v1/index.json`: which texts there are.
pub(crate) fn index(environment: &str, items: &[Item]) -> String {
    let products: Vec<_> = named(environment, items).into_keys().collect();
    let stream = stream(environment);
    let entry = json!({
        "datatype": "image-downloads",
        "format": "products:1.0",
        "path": "streams/v1/images.json",
        "products": products,
        "updated": updated(items),
    });
    text(&json!({ "format": "index:1.0", "index": { stream: entry }, "updated": updated(items) }))
}

/// `streams/v1/images.json`: each image as a product, each of its generations as a version.
pub(crate) fn products(environment: &str, items: &[Item]) -> String {
    let products: Map<String, Value> = named(environment, items)
        .into_iter()
        .map(|(name, Product { alias, items })| (name, product(&alias, &items)))
        .collect();
    text(&json!({
        "content_id": stream(environment),
        "datatype": "image-downloads",
        "format": "products:1.0",
        "products": products,
        "updated": updated(items),
    }))
}

struct Product<'a> {
    /// What a client calls it.
    alias: String,
    items: Vec<&'a Item>,
}

/// The products by their names. Of two images whose names give the same word, the later one has its number behind it.
fn named<'a>(environment: &str, items: &'a [Item]) -> BTreeMap<String, Product<'a>> {
    let mut products: BTreeMap<String, Product<'a>> = BTreeMap::new();
    let mut taken: HashSet<String> = HashSet::new();
    for of_image in items.chunk_by(|a, b| a.image.id == b.image.id) {
        let Some(first) = of_image.first() else { continue };
        let mut alias = word(first.image.name.as_str());
        if !taken.insert(alias.clone()) {
            alias = format!("{alias}-{}", first.image.id.0);
            taken.insert(alias.clone());
        }
        for item in of_image {
            let name = format!("ays.{environment}:{alias}:{}", processor(&item.generation));
            let product =
                products.entry(name).or_insert_with(|| Product { alias: alias.clone(), items: Vec::new() });
            product.items.push(item);
        }
    }
    products
}

fn product(alias: &str, items: &[&Item]) -> Value {
    // The items of a product are never none; what is said of it is what its newest generation says.
    let Some(newest) = items.last() else { return Value::Null };
    let (image, disk) = (&newest.image, &newest.generation.disk);
    let versions: Map<String, Value> =
        items.iter().map(|item| (version(&item.generation), json!({ "items": files(item) }))).collect();
    json!({
        "aliases": alias,
        "arch": processor(&newest.generation),
        "os": disk.os.as_deref().unwrap_or(&image.category),
        "release": disk.os_version.as_deref().unwrap_or(alias),
        "release_title": image.name,
        "version": disk.os_version.as_deref().unwrap_or_default(),
        "image_id": image.id,
        "gid": image.gid,
        "boot_type": image.boot_type,
        "minimum_size": image.size_gb,
        "versions": versions,
    })
}

/// The disk, and its description under the names by which LXD and Incus look for it.
fn files(item: &Item) -> Value {
    let Item { content, recorded, generation, .. } = item;
    let disk = file("disk-kvm.img", &disk_file(*content), recorded.disk);
    let described = |ftype: &str| {
        let mut described = file(ftype, &metadata_file(*content), recorded.metadata);
        described["combined_disk-kvm-img_sha256"] = json!(recorded.combined_sha256);
        described
    };
    let mut items = json!({
        "disk-kvm.img": disk,
        "lxd.tar.xz": described("lxd.tar.xz"),
        "incus.tar.xz": described("incus.tar.xz"),
    });
    items["disk-kvm.img"]["content"] = json!(generation.content);
    items["disk-kvm.img"]["virtual_size"] = json!(generation.virtual_size);
    items
}

fn file(ftype: &str, name: &str, FileFacts { size, sha256 }: FileFacts) -> Value {
    json!({ "ftype": ftype, "path": format!("streams/files/{name}"), "size": size, "sha256": sha256 })
}

/// Begins with the day, as clients expect it; ends with the generation's number. Text order is time order.
fn version(generation: &Generation) -> String {
    let digits = |text: String| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let at = digits(generation.made_at.to_the_second());
    let (day, time) = at.split_at_checked(8).unwrap_or((&at, ""));
    format!("{day}_{time}.{:06}", generation.number)
}

/// The processor by Debian's names, as feeds have it. A disk that does not tell is for the usual one.
fn processor(generation: &Generation) -> &str {
    match generation.disk.architecture.as_deref() {
        None | Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        Some("i386" | "i486" | "i586" | "i686") => "i386",
        Some("ppc64le") => "ppc64el",
        Some(other) => other,
    }
}

/// A name as a word: small letters, digits, single signs between them.
fn word(name: &str) -> String {
    let kept =
        name.chars().map(|c| if c.is_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' });
    let kept: String = kept.collect();
    let words: Vec<_> = kept.split('-').filter(|part| !part.is_empty()).collect();
    if words.is_empty() { "image".to_owned() } else { words.join("-") }
}

/// When the newest generation was made: the same offers give the same text.
fn updated(items: &[Item]) -> String {
    let newest = items.iter().map(|item| &item.generation.made_at).max();
    let at = newest.and_then(instant).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    rfc2822::DateTimePrinter::new().timestamp_to_string(&at).unwrap_or_default()
}

fn instant(time: &Timestamp) -> Option<jiff::Timestamp> {
    time.to_string().parse().ok()
}

fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

/// What LXD and Incus want to know of a disk: a tar file with `metadata.yaml`, which is written as JSON, a part of YAML. The
/// same generation always gives the same bytes.
pub(crate) fn metadata(generation: &Generation) -> Vec<u8> {
    let made = instant(&generation.made_at).map_or(0, jiff::Timestamp::as_second);
    let architecture = generation.disk.architecture.as_deref().unwrap_or("x86_64");
    let description = json!({
        "architecture": architecture,
        "creation_date": made,
        "properties": {
            "architecture": processor(generation),
            "os": generation.disk.os.as_deref().unwrap_or_default(),
            "release": generation.disk.os_version.as_deref().unwrap_or_default(),
            "content": generation.content,
        },
    });
    let text = text(&description);
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_size(text.len() as u64);
    header.set_entry_type(tar::EntryType::Regular);
    let mut archive = tar::Builder::new(Vec::new());
    // Writing to memory does not fail.
    let _ = archive.append_data(&mut header, "metadata.yaml", text.as_bytes());
    archive.into_inner().unwrap_or_default()
}
