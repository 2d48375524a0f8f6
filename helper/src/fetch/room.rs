use std::path::Path;

use ays_protocol::Failure;

use crate::disk::free_space;

/// The most that a source which does not say its size may leave free, in bytes: a full disk stops other services.
const MARGIN: u64 = 1 << 30;

/// How many bytes the file may have, of which the first `have` are on the disk: what the source announced, if the disk
/// has room for it, else what the disk has.
pub(crate) fn room(dest: &Path, have: u64, size: Option<u64>) -> Result<u64, Failure> {
    let directory = dest.parent().unwrap_or(dest);
    let free = free_space(directory)?;
    match size {
        Some(size) => {
            let needed = size.saturating_sub(have);
            if needed > free {
                return Err(Failure::Space { path: directory.display().to_string(), needed, free });
            }
            Ok(size)
        }
        None => Ok(have + free - MARGIN.min(free / 20)),
    }
}
