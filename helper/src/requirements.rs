use std::fs::File;
use std::path::Path;

use ays_protocol::{Failure, Requirements};

use crate::disk::{check_path, failure, make_directory, on_thread, remove};
use crate::file_name::PART_SUFFIX;
use crate::leftovers::remove_leftovers;
use crate::qemu_img;

/// The pool is there and can be written, without what stopped runs left in it, and `qemu-img` is there when it is needed.
pub(crate) async fn check(needed: Requirements) -> Result<(), Failure> {
    on_thread(move || {
        if let Some(pool) = &needed.pool {
            check_path(pool)?;
            make_directory(pool)?;
            check_writable(pool)?;
            remove_leftovers(pool)?;
        }
        if needed.qemu_img {
            qemu_img::find()?;
        }
        Ok(())
    })
    .await
}

/// Permissions alone do not tell: the file system may be mounted read-only, or not know this user.
pub(crate) fn check_writable(directory: &Path) -> Result<(), Failure> {
    let probe = directory.join(format!(".ays-writable-{}{PART_SUFFIX}", std::process::id()));
    File::create(&probe).map_err(|error| failure(directory, "writing in it", &error))?;
    // Another run may have taken it for a leftover and removed it.
    remove(&probe)
}
