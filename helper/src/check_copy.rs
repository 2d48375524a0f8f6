use std::fs::File;
use std::io::ErrorKind;

use ays_protocol::{CheckCopy, CopyState, Failure};

use crate::disk::{check_path, failure, on_thread};
use crate::hashing::sha256_of;
use crate::pace::Pace;
use crate::report::Report;

/// Compares a file in a pool with what the catalogue says of it.
pub(crate) async fn check(copy: CheckCopy, report: Report) -> Result<CopyState, Failure> {
    check_path(&copy.path)?;
    on_thread(move || {
        let found = match copy.path.symlink_metadata() {
            Ok(found) => found,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(CopyState::Missing);
            }
            Err(error) => return Err(failure(&copy.path, "looking at it", &error)),
        };
        if !found.is_file() || found.len() != copy.size {
            return Ok(CopyState::Damaged);
        }
        let Some(expected) = copy.sha256 else { return Ok(CopyState::Good) };
        let actual = File::open(&copy.path)
            .and_then(|file| sha256_of(&file, copy.size, Pace::new(copy.rate), &report))
            .map_err(|error| failure(&copy.path, "reading", &error))?;
        Ok(if actual == expected { CopyState::Good } else { CopyState::Damaged })
    })
    .await
}
