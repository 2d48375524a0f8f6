//! The small files of a pool, beside its images: its index and its owner's mark.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ays_protocol::Failure;

use crate::disk::{failure, rename};
use crate::file_name::PART_SUFFIX;
use crate::leftovers::PART_PREFIX;
use crate::locked::open_locked;
use crate::temporary::Temporary;

/// What managers of machines read.
pub(crate) const INDEX: &str = "ays-images.json";

/// Whose the pool is.
pub(crate) const OWNER: &str = ".ays-owner.json";

/// What is larger is none of ours: it would not go through one frame.
const LARGEST: u64 = 2 << 20;

/// Replaces one of the files as a whole. It is on the disk, under its name, when this returns.
pub(crate) fn replace(pool: &Path, name: &str, content: &[u8]) -> Result<(), Failure> {
    let path = pool.join(name);
    let part = format!("{PART_PREFIX}{}-{}{PART_SUFFIX}", name.trim_start_matches('.'), std::process::id());
    let part = Temporary::new(pool.join(part));
    // Locked, it is not taken for a leftover that may be removed.
    let mut file = open_locked(part.path())?;
    file.set_len(0)
        .and_then(|()| file.write_all(content))
        // Those who read it are other users.
        .and_then(|()| file.set_permissions(Permissions::from_mode(0o644)))
        .and_then(|()| file.sync_all())
        .map_err(|error| failure(&path, "writing", &error))?;
    rename(part.path(), &path)?;
    part.keep();
    Ok(())
}

/// What one of the files holds; none where there is no such file.
pub(crate) fn read(pool: &Path, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let path = pool.join(name);
    let reading = |error: io::Error| failure(&path, "reading", &error);
    // A link may lead anywhere, and a pipe would never end.
    match fs::symlink_metadata(&path) {
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(reading(error)),
        Ok(found) if !found.is_file() => return Err(reading(io::Error::other("it is no file"))),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let file = match File::open(&path) {
        // Removed between the two looks.
        Err(error) if is_missing(&error) => return Ok(None),
        opened => opened.map_err(reading)?,
    };
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(reading)?;
    if bytes.len() as u64 > LARGEST {
        return Err(reading(io::Error::other(format!("it has more than {LARGEST} bytes"))));
    }
    Ok(Some(bytes))
}

/// Whether there is no such file, or not even its directory.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
