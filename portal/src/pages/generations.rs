//! Generations of an image: what differs between two of them.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_catalogue::Generation;
use ays_operations as operations;

use super::images;
use crate::failure::Failure;
use crate::frame::{Frame, shown};
use crate::markup;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "generations.html")]
struct Page {
    frame: Frame,
    path: String,
    numbers: Vec<u32>,
    a: u32,
    b: u32,
    facts: Vec<Fact>,
}

/// A fact of both.
struct Fact {
    name: &'static str,
    a: String,
    b: String,
}

pub(crate) async fn page(visitor: Visitor, Path(image): Path<String>) -> Result<Response, Failure> {
    let detail = operations::image(visitor.controller().await?, image).await?;
    let find = |number: u32| detail.generations.iter().find(|generation| generation.number == number);
    let asked = |name: &str| visitor.query.one(name).and_then(|text| text.parse().ok()).and_then(find);
    let Some(newest) = asked("b").or_else(|| detail.generations.first()) else {
        return Err(Failure::unknown(format!("{} has no generation yet", detail.image.name)));
    };
    let older = asked("a").or_else(|| find(newest.number.saturating_sub(1))).unwrap_or(newest);
    let path = images::path(&detail.image);
    let title = format!("Image: {}", detail.image.name);
    let page = Page {
        frame: Frame::new(&visitor, "Generations", &[("Images", "/images"), (&title, &path)]).await?,
        path: format!("{path}/generations"),
        numbers: detail.generations.iter().map(|generation| generation.number).collect(),
        a: older.number,
        b: newest.number,
        facts: facts(older, newest),
    };
    shown(&page)
}

fn facts(a: &Generation, b: &Generation) -> Vec<Fact> {
    let fact = |name, of: &dyn Fn(&Generation) -> String| Fact { name, a: of(a), b: of(b) };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let system = |generation: &Generation| {
        [text(&generation.disk.os), text(&generation.disk.os_version)].join(" ").trim().to_owned()
    };
    vec![
        fact("State", &|of| if of.current { "current" } else { "not current" }.to_owned()),
        fact("Made", &|of| of.made_at.to_string()),
        fact("By", &|of| of.made_by.clone()),
        fact("Source", &|of| of.source_url.clone()),
        fact("Source version", &|of| text(&of.source_version)),
        fact("Source MD5", &|of| of.source_md5.to_string()),
        fact("Source SHA-256", &|of| of.source_sha256.to_string()),
        fact("Source size", &|of| markup::size(of.source_size)),
        fact("Verified by", &|of| text(&of.verified_by)),
        fact("Signed by", &|of| of.signer.clone().or_else(|| of.signed_by.clone()).unwrap_or_default()),
        fact("Content", &|of| of.content.to_string()),
        fact("Disk", &|of| markup::size(of.virtual_size)),
        fact("Stored", &|of| format!("{} as {}", markup::size(of.stored_size), of.format.as_str())),
        fact("System in it", &system),
        fact("Recipe", &|of| of.template.as_str().to_owned()),
        fact("Recipe's commit", &|of| text(&of.template_commit)),
        fact("Recipe's checksum", &|of| of.template_checksum.to_string()),
        fact("Copies", &|of| of.copies.len().to_string()),
    ]
}
