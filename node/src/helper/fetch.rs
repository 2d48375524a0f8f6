//! A file brought from its source: verified and synced before it takes its name.

mod body;
mod expected;
mod fault;
mod ftp;
mod http;
mod identity;
mod local;
mod names;
mod partial;
mod small;
mod source;
mod transfer;
mod tries;

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use self::expected::{Expected, expected};
use self::partial::Partial;
use self::source::Source;
use self::transfer::Transfer;
use super::Limits;
use super::disk::{check_path, failure, make_directory, on_thread, refused};
use super::lanes::{Digests, Lanes};
use super::report::Report;
use crate::{Failure, Fetch, Fetched, Stamp};

pub(crate) use self::source::probe;

/// Brings the file; keeps the one that is there when it is what the source says.
pub(crate) async fn fetch(order: &Fetch, limits: &Limits, report: &Report) -> Result<Fetched, Failure> {
    check_path(&order.dest)?;
    let source = Source::new(&order.url, limits)?;
    let dest = order.dest.clone();
    let partial = on_thread(move || {
        check_destination(&dest)?;
        make_directory(dest.parent().unwrap_or(Path::new("/")))?;
        Partial::lock(&dest)
    })
    .await?;
    let expected = expected(order, limits).await?;
    if let Some(kept) = keep(order, &source, expected.as_ref(), report).await? {
        partial.discard();
        return Ok(kept);
    }
    Transfer::new(order, source, expected, limits, report, partial).run().await
}

/// Only a file, a link to one, or nothing may be replaced.
fn check_destination(dest: &Path) -> Result<(), Failure> {
    if dest.file_name().is_none() {
        return Err(refused(dest, "it is not a file name"));
    }
    match dest.metadata() {
        Ok(found) if found.is_dir() => Err(refused(dest, "it is a directory")),
        Ok(found) if !found.is_file() => Err(refused(dest, "it is a device or a pipe, not a file")),
        _ => Ok(()),
    }
}

/// The present file when nothing has to be brought: it matches its check, or it is the source itself.
async fn keep(
    order: &Fetch,
    source: &Source,
    expected: Option<&Expected>,
    report: &Report,
) -> Result<Option<Fetched>, Failure> {
    let is_source = match source {
        Source::Local(local) => is_same_file(local.path(), &order.dest),
        Source::Http(_) | Source::Ftp(_) => false,
    };
    if (expected.is_none() && !is_source) || !order.dest.exists() {
        return Ok(None);
    }
    let reading = |error| failure(&order.dest, "reading", &error);
    let file = File::open(&order.dest).map_err(reading)?;
    // Taken first: a change while the file is read does not go unnoticed.
    let stamp = file.metadata().map(|found| Stamp::of(&found)).map_err(reading)?;
    let digests = digests(&file, stamp.size, report).await.map_err(reading)?;
    match expected.map(|expected| expected.verify(&order.url, &digests)) {
        Some(Err(mismatch)) if is_source => return Err(mismatch),
        Some(Err(_)) => return Ok(None),
        Some(Ok(())) | None => {}
    }
    Ok(Some(Fetched {
        size: stamp.size,
        md5: digests.md5,
        sha256: digests.sha256,
        verified: expected.is_some(),
        kept: true,
        is_source,
        resumed_at: 0,
        etag: None,
        last_modified: None,
        stamp,
    }))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

async fn digests(file: &File, size: u64, report: &Report) -> io::Result<Digests> {
    let mut lanes = Lanes::hashing();
    lanes.hash_file(file, size, report).await?;
    lanes.finish().await
}
