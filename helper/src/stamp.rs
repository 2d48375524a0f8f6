use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use ays_protocol::Stamp;

/// The stamp of the file that was found.
pub(crate) fn stamp(found: &Metadata) -> Stamp {
    Stamp {
        device: found.dev(),
        inode: found.ino(),
        size: found.len(),
        modified_ns: found.mtime().saturating_mul(1_000_000_000).saturating_add(found.mtime_nsec()),
    }
}
