use std::fs::File;
use std::path::Path;

use ays_protocol::{Failure, PoolClaim, Requirements};

use crate::disk::{failure, make_directory, on_thread, remove};
use crate::file_name::PART_SUFFIX;
use crate::leftovers::remove_leftovers;
use crate::{owner, qemu_img};

/// The pool is there and can be written, it is the claimant's, without what stopped runs left in it, and `qemu-img` is
/// there when it is needed.
pub(crate) async fn check(needed: Requirements) -> Result<(), Failure> {
    on_thread(move || {
        if let Some(claim) = &needed.pool {
            owner::check(claim)?;
            make_directory(&claim.path)?;
            check_writable(&claim.path)?;
        }
        if needed.qemu_img {
            qemu_img::find()?;
        }
        // Last, so that a node that cannot be installed on takes no pool.
        needed.pool.as_ref().map_or(Ok(()), own)
    })
    .await
}

fn own(claim: &PoolClaim) -> Result<(), Failure> {
    drop(owner::take(claim)?);
    remove_leftovers(&claim.path)
}

/// Permissions alone do not tell: the file system may be mounted read-only, or not know this user.
pub(crate) fn check_writable(directory: &Path) -> Result<(), Failure> {
    let probe = directory.join(format!(".ays-writable-{}{PART_SUFFIX}", std::process::id()));
    File::create(&probe).map_err(|error| failure(directory, "writing in it", &error))?;
    // Another run may have taken it for a leftover and removed it.
    remove(&probe)
}
