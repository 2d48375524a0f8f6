use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ays_protocol::{Failure, WriteIndex};

use crate::disk::{check_path, failure, make_directory, on_thread, rename};
use crate::file_name::PART_SUFFIX;
use crate::locked::open_locked;
use crate::temporary::Temporary;

/// The file in a pool that managers of machines read.
const INDEX: &str = "ays-images.json";

/// Replaces a pool's index; false when it had this content already.
pub(crate) async fn write(order: WriteIndex) -> Result<bool, Failure> {
    check_path(&order.pool)?;
    let path = order.pool.join(INDEX);
    // Of this process alone: two controllers may write the index of one pool at the same time, and the last one wins.
    let part = Temporary::new(order.pool.join(format!(".ays-index-{}{PART_SUFFIX}", std::process::id())));
    let part_path = part.path().to_owned();
    let changed = on_thread(move || {
        make_directory(&order.pool)?;
        replace(&path, &part_path, order.content.as_bytes())
    })
    .await?;
    part.keep();
    Ok(changed)
}

fn replace(path: &Path, part: &Path, content: &[u8]) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(false);
    }
    // Locked, it is not taken for a leftover that may be removed.
    let mut file = open_locked(part)?;
    file.set_len(0)
        .and_then(|()| file.write_all(content))
        // Those who read it are other users.
        .and_then(|()| file.set_permissions(Permissions::from_mode(0o644)))
        .and_then(|()| file.sync_all())
        .map_err(|error| failure(path, "writing", &error))?;
    rename(part, path)?;
    Ok(true)
}
