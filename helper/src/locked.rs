use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use ays_protocol::Failure;
use rustix::fs::OFlags;

use crate::disk::{failure, refused};

/// Nobody but its owner opens what is locked.
const OWN: u32 = 0o600;

/// Opens an unfinished file, new or left by an earlier run, and locks it as its writer. One that another run has
/// is [`Failure::Busy`].
pub(crate) fn open_locked(path: &Path) -> Result<File, Failure> {
    lock_with(path, |file| match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Failure::Busy { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(failure(path, "locking", &error)),
    })
}

/// The same, and waits until nobody else has it.
pub(crate) fn wait_locked(path: &Path) -> Result<File, Failure> {
    lock_with(path, |file| file.lock().map_err(|error| failure(path, "locking", &error)))
}

fn lock_with(path: &Path, lock: impl Fn(&File) -> Result<(), Failure>) -> Result<File, Failure> {
    loop {
        let file = open(path)?;
        lock(&file)?;
        // Its last holder may have removed or renamed it between the opening and the lock.
        if is_at(&file, path).map_err(|error| failure(path, "looking at it", &error))? {
            keep_to_ourselves(&file).map_err(|error| failure(path, "setting permissions", &error))?;
            return Ok(file);
        }
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    #[expect(clippy::cast_possible_wrap, reason = "the flags of open(2) are an int")]
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        // It may hold passwords, and whoever can open a lock can hold it.
        .mode(OWN)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| failure(path, "creating", &error))?;
    let found = file.metadata().map_err(|error| failure(path, "looking at it", &error))?;
    // In a directory that all may write, somebody else may have laid it there.
    if !found.is_file() || found.nlink() > 1 || found.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused(path, "it is not a file of this user's own"));
    }
    Ok(file)
}

/// The same for one that an earlier version left.
fn keep_to_ourselves(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.mode();
    if mode & 0o777 & !OWN == 0 { Ok(()) } else { file.set_permissions(Permissions::from_mode(OWN)) }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    Ok(path.symlink_metadata().is_ok_and(|found| (found.dev(), found.ino()) == (held.dev(), held.ino())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let first = open_locked(&path).unwrap();
        let busy = Failure::Busy { path: path.display().to_string() };
        assert_eq!(open_locked(&path).unwrap_err(), busy);
        // Under another name it is nobody's business any more.
        std::fs::rename(&path, directory.path().join("final")).unwrap();
        drop(open_locked(&path).unwrap());
        drop(first);
    }

    #[test]
    fn nobody_else_opens_it() {
        let directory = tempfile::tempdir().unwrap();
        let (new, old) = (directory.path().join("new"), directory.path().join("old"));
        std::fs::write(&old, "").unwrap();
        std::fs::set_permissions(&old, Permissions::from_mode(0o644)).unwrap();
        for path in [new, old] {
            let file = wait_locked(&path).unwrap();
            assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{}", path.display());
        }
    }

    #[test]
    fn a_file_with_another_name_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("x"), directory.path().join("other"));
        std::fs::write(&other, "untouched").unwrap();
        std::fs::hard_link(&other, &path).unwrap();
        assert_eq!(open_locked(&path).unwrap_err(), refused(&path, "it is not a file of this user's own"));
    }
}
