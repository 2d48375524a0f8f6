use std::fs::File;
use std::io::{self, ErrorKind};
use std::num::NonZeroU64;

use ays_model::{Digest, DiskFormat};
use ays_protocol::{CheckCopy, CheckedCopy, CopyState, Failure, NamedCopy, ReadCopy};

use crate::content;
use crate::disk::{check_path, failure, on_thread};
use crate::hashing::{data_in, sha256_of};
use crate::pace::Pace;
use crate::report::Report;

/// Compares a file in a pool with what the catalogue says of it.
pub(crate) async fn check(copy: CheckCopy, report: Report) -> Result<CheckedCopy, Failure> {
    check_path(&copy.path)?;
    on_thread(move || {
        let is = |state| Ok(CheckedCopy { state, data: 0, named: None });
        let found = match copy.path.symlink_metadata() {
            Ok(found) => found,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return is(CopyState::Missing);
            }
            Err(error) => return Err(failure(&copy.path, "looking at it", &error)),
        };
        if !found.is_file() || found.len() != copy.size {
            return is(CopyState::Damaged);
        }
        let reading = |error: io::Error| failure(&copy.path, "reading", &error);
        let file = File::open(&copy.path).map_err(reading)?;
        let good = |named| {
            let data = data_in(&file, copy.size).map_err(reading)?;
            Ok(CheckedCopy { state: CopyState::Good, data, named })
        };
        let Some(ReadCopy { format, expected }) = copy.read else { return good(None) };
        let pace = Pace::new(copy.rate);
        let read = match expected {
            Digest::FsVerity(expected) => {
                content::digest_of(&file, pace, &report).map(|found| (found == expected).then_some(None))
            }
            Digest::Sha256(expected) => sha256_of(&file, copy.size, pace, &report).and_then(|found| {
                let named = (found == expected).then(|| named(&file, format, copy.rate, &report));
                named.transpose().map(|named| named.map(Some))
            }),
        };
        match read.map_err(reading)? {
            Some(named) => good(named),
            None => is(CopyState::Damaged),
        }
    })
    .await
}

fn named(
    file: &File,
    format: DiskFormat,
    rate: Option<NonZeroU64>,
    report: &Report,
) -> io::Result<NamedCopy> {
    let (content, digest) = content::names(file, format, rate, report)?;
    Ok(NamedCopy { content, digest })
}
