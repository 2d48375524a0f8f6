//! A file that is there already.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use ays_model::Download;
use ays_protocol::{Failure, Fetched};

use super::expected::Wanted;
use super::source::Source;
use crate::disk::failure;
use crate::lanes::{Lanes, OnPiece, PieceHash};
use crate::report::Report;
use crate::stamp::stamp;

/// A file that was there and need not be brought.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) fetched: Fetched,
    pub(crate) file: Arc<File>,
    /// See [`crate::lanes::Digests`].
    pub(crate) last_piece: Option<PieceHash>,
}

/// The present file when nothing has to be brought: it matches its check, or it is the source itself.
pub(crate) async fn keep(
    order: &Download,
    source: Option<&Source>,
    wanted: &mut Wanted,
    on_piece: Option<OnPiece>,
    report: &Report,
) -> Result<Option<Kept>, Failure> {
    let is_source = match source {
        Some(Source::Local(local)) => is_same_file(local.path(), &order.dest),
        Some(Source::Http(_) | Source::Ftp(_) | Source::Blob(_)) | None => false,
    };
    // What the disk in it must be is known only when it is unpacked.
    if (!wanted.is_of_file() && !is_source) || !order.dest.exists() {
        return Ok(None);
    }
    let reading = |error| failure(&order.dest, "reading", &error);
    let file = File::open(&order.dest).map_err(reading)?;
    // Taken first: a change while the file is read does not go unnoticed.
    let stamp = file.metadata().map(|found| stamp(&found)).map_err(reading)?;
    let mut lanes = Lanes::hashing(on_piece).for_expected(wanted.expected.as_ref());
    lanes.hash_file(&file, stamp.size, report).await.map_err(reading)?;
    let digests = lanes.finish().await.map_err(reading)?;
    match wanted.compare(&order.url.to_string(), &digests, || file.try_clone().map_err(reading)).await {
        Err(mismatch) if is_source => return Err(mismatch),
        Err(_) => return Ok(None),
        Ok(()) => {}
    }
    let fetched = Fetched {
        size: stamp.size,
        md5: digests.md5,
        sha256: digests.sha256,
        verified_by: wanted.expected,
        signed_by: wanted.signer.clone(),
        version: wanted.version.clone(),
        kept: true,
        is_source,
        resumed_at: 0,
        etag: None,
        last_modified: None,
        stamp,
    };
    Ok(Some(Kept { fetched, file: Arc::new(file), last_piece: digests.last_piece }))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}
