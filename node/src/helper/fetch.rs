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
mod room;
mod small;
mod source;
mod transfer;
mod tries;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Limits;
use super::disk::{check_path, failure, make_directory, on_thread, refused};
use super::lanes::{Lanes, OnPiece, PieceHash};
use super::report::Report;
use crate::{Expected, Failure, Fetch, Fetched, Stamp};

pub(crate) use self::expected::expected;
pub(crate) use self::identity::Identity;
pub(crate) use self::partial::Partial;
pub(crate) use self::room::room;
pub(crate) use self::source::{Source, probe};
pub(crate) use self::transfer::Transfer;

/// Brings the file; keeps the one that is there when it is what the source says.
pub(crate) async fn fetch(order: &Fetch, limits: &Limits, report: &Report) -> Result<Fetched, Failure> {
    let source = Source::new(&order.url, limits)?;
    let partial = prepare(&order.dest).await?;
    let expected = expected(order, limits).await?;
    if let Some(kept) = keep(order, Some(&source), expected.as_ref(), None, report).await? {
        partial.discard();
        return Ok(kept.fetched);
    }
    let mut transfer = Transfer::new(order, source, expected, limits, report, partial, None);
    let brought = transfer.bring().await;
    transfer.end(brought).await
}

/// Refuses what no step may replace; locks the partial file beside `dest`.
pub(crate) async fn prepare(dest: &Path) -> Result<Partial, Failure> {
    check_path(dest)?;
    let dest = dest.to_owned();
    on_thread(move || {
        check_destination(&dest)?;
        make_directory(dest.parent().unwrap_or(Path::new("/")))?;
        Partial::lock(&dest)
    })
    .await
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

/// A file that was there and need not be brought.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) fetched: Fetched,
    pub(crate) file: File,
    /// See [`crate::helper::lanes::Digests`].
    pub(crate) last_piece: Option<PieceHash>,
}

/// The present file when nothing has to be brought: it matches its check, or it is the source itself.
pub(crate) async fn keep(
    order: &Fetch,
    source: Option<&Source>,
    expected: Option<&Expected>,
    on_piece: Option<OnPiece>,
    report: &Report,
) -> Result<Option<Kept>, Failure> {
    let is_source = match source {
        Some(Source::Local(local)) => is_same_file(local.path(), &order.dest),
        Some(Source::Http(_) | Source::Ftp(_)) | None => false,
    };
    if (expected.is_none() && !is_source) || !order.dest.exists() {
        return Ok(None);
    }
    let reading = |error| failure(&order.dest, "reading", &error);
    let file = File::open(&order.dest).map_err(reading)?;
    // Taken first: a change while the file is read does not go unnoticed.
    let stamp = file.metadata().map(|found| Stamp::of(&found)).map_err(reading)?;
    let mut lanes = Lanes::hashing(on_piece);
    lanes.hash_file(&file, stamp.size, report).await.map_err(reading)?;
    let digests = lanes.finish().await.map_err(reading)?;
    match expected.map(|expected| expected.verify(&order.url, &digests)) {
        Some(Err(mismatch)) if is_source => return Err(mismatch),
        Some(Err(_)) => return Ok(None),
        Some(Ok(())) | None => {}
    }
    let fetched = Fetched {
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
    };
    Ok(Some(Kept { fetched, file, last_piece: digests.last_piece }))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}
