//! `ays where`

use std::path::Path;

use ays_catalogue::{CloudPlacement, Copy, CopyState, Found, Generation};
use ays_model::{DiskFormat, NodeName};
use ays_operations::is_checksum;

use crate::failure::Failure;
use crate::render::{disk, table, units};
use crate::site::Site;

/// Shows what an image or a checksum leads to: recipe, source, stored file, copies, stacks, clouds
#[derive(clap::Args)]
pub struct Args {
    /// An image's name or id, the SHA-256 of a source or a stored file, or the MD5 of a source; the first 8 digits will do
    #[arg(value_name = "SHA256|IMAGE")]
    asked: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let found = Site::find(repo)?.find_generations(&args.asked).await?;
    if args.json {
        return table::json(&found);
    }
    let asked = is_checksum(&args.asked).then(|| args.asked.to_ascii_lowercase());
    let shown: Vec<_> = found.iter().map(|found| text(found, asked.as_deref())).collect();
    table::line(&shown.join("\n\n"))
}

/// One generation. The checksum that was asked for is marked.
fn text(Found { image, generation, offered_by, published }: &Found, asked: Option<&str>) -> String {
    let current = if generation.current { ", the current one" } else { "" };
    let mut text = format!(
        "{} (id {}, grid {}), generation {}{current}",
        image.name, image.id.0, image.gid, generation.number
    );
    let sections = [
        ("recipe", vec![recipe(generation)]),
        ("source", source(generation, asked)),
        ("stored", stored(generation, asked)),
        ("disk", vec![disk::facts(&generation.disk).unwrap_or_else(|| "not inspected".to_owned())]),
        ("copies", copies(generation, asked)),
        (
            "offered",
            vec![if offered_by.is_empty() {
                "nowhere".to_owned()
            } else {
                format!("on {}", offered_by.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", "))
            }],
        ),
    ];
    let at_cloud = |at: &CloudPlacement| {
        format!(
            "{} ({}), publication {}: {} {}",
            at.account, at.target, at.publication, at.location, at.cloud_id
        )
    };
    let clouds = published.iter().map(at_cloud).collect();
    for (title, lines) in sections.into_iter().chain([("clouds", clouds)]) {
        for (number, line) in lines.iter().enumerate() {
            let title = if number == 0 { title } else { "" };
            text.push_str(&format!("\n  {title:7}  {line}"));
        }
    }
    text
}

fn recipe(generation: &Generation) -> String {
    match &generation.template_commit {
        _ if generation.template.is_by_hand() => "none: it was added by hand".to_owned(),
        Some(commit) => format!("{}, commit {commit}", generation.template),
        None => {
            format!("{}, not from a commit, checksum {}", generation.template, generation.template_checksum)
        }
    }
}

fn source(generation: &Generation, asked: Option<&str>) -> Vec<String> {
    let verified = if generation.verified_at_source { "verified" } else { "NOT verified" };
    vec![
        generation.source_url.clone(),
        format!(
            "{}, {verified} at its source, {} UTC by {}",
            units::bytes(generation.source_size),
            generation.made_at.to_the_second(),
            generation.made_by
        ),
        checksum("SHA-256", &generation.source_sha256.to_string(), asked),
        checksum("MD5", &generation.source_md5.to_string(), asked),
    ]
}

fn stored(generation: &Generation, asked: Option<&str>) -> Vec<String> {
    let format = match generation.format {
        DiskFormat::Raw => "raw",
        DiskFormat::Qcow2 => "qcow2",
    };
    vec![
        format!(
            "{} {format}, a disk of {}",
            units::bytes(generation.stored_size),
            units::bytes(generation.virtual_size)
        ),
        checksum("content", &generation.content.digits(), asked),
    ]
}

fn copies(generation: &Generation, asked: Option<&str>) -> Vec<String> {
    let pool = |Copy { pool, .. }: &Copy| match &pool.node {
        Some(node) => format!("{} on {node}", pool.name),
        None => pool.name.to_string(),
    };
    let scrubbed = |copy: &Copy| match &copy.scrubbed_at {
        Some(time) => format!("scrubbed {} UTC", time.to_the_second()),
        None => "never scrubbed".to_owned(),
    };
    let pool_width = width(generation.copies.iter().map(pool));
    let scrubbed_width = width(generation.copies.iter().map(scrubbed));
    let mut lines = Vec::new();
    for copy in &generation.copies {
        let state = match copy.state {
            CopyState::Arriving => "arriving",
            CopyState::Verified => "verified",
            CopyState::Damaged => "DAMAGED",
            CopyState::Removing => "removing",
        };
        lines.push(format!(
            "{state:8}  {:pool_width$}  {:scrubbed_width$}  {}/{}",
            pool(copy),
            scrubbed(copy),
            copy.pool.path,
            copy.file
        ));
        // A file in another format than raw has a digest of its own.
        if copy.digest != generation.content {
            lines.push(format!("{:8}  {}", "", checksum("digest", &copy.digest.digits(), asked)));
        }
    }
    if lines.is_empty() { vec!["none".to_owned()] } else { lines }
}

fn width(texts: impl Iterator<Item = String>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or_default()
}

fn checksum(kind: &str, checksum: &str, asked: Option<&str>) -> String {
    let mark = if asked.is_some_and(|asked| checksum.starts_with(asked)) { "  <- asked for" } else { "" };
    format!("{kind:7}  {checksum}{mark}")
}
