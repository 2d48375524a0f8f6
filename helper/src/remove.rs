use std::path::{Path, PathBuf};

use ays_protocol::Failure;

use crate::disk::{self, check_path, on_thread, refused, sync_directory};
use crate::file_name::{part_of, part_state_of};
use crate::locked::open_locked;

/// Removes a file and what an interrupted transfer to it left behind.
pub(crate) async fn remove(path: PathBuf) -> Result<(), Failure> {
    check_path(&path)?;
    on_thread(move || {
        let Some(directory) = path.parent() else {
            return Err(refused(&path, "it is not a file"));
        };
        if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return Err(refused(&path, "it is a directory"));
        }
        if !directory.is_dir() {
            return Ok(());
        }
        disk::remove(&path)?;
        remove_unfinished(&path)?;
        sync_directory(directory)
    })
    .await
}

/// What cannot be locked stays: another run is fetching the file, or it is not this user's.
fn remove_unfinished(path: &Path) -> Result<(), Failure> {
    let part = part_of(path);
    let Ok(_held) = open_locked(&part) else { return Ok(()) };
    disk::remove(&part_state_of(path))?;
    disk::remove(&part)
}
