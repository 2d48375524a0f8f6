use std::path::Path;
use std::{fs, io};

use ays_protocol::Failure;

use crate::disk::{failure, remove};
use crate::file_name::PART_SUFFIX;
use crate::locked::open_locked;

/// What unfinished files in a pool begin with.
pub(crate) const PART_PREFIX: &str = ".ays-";

/// Removes what stopped runs left in the pool: their files are there, but nobody holds their locks.
pub(crate) fn remove_leftovers(pool: &Path) -> Result<(), Failure> {
    let unreadable = |error: io::Error| failure(pool, "listing the directory", &error);
    for entry in fs::read_dir(pool).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PART_PREFIX)
            && name.ends_with(PART_SUFFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(_held) = open_locked(&entry.path())
        {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};

    use super::*;

    /// Over NFS a lock that keeps all others out is given only for a file that is open for writing.
    #[test]
    fn a_leftover_is_opened_for_writing_to_lock_it() {
        let pool = tempfile::tempdir().unwrap();
        let part = pool.path().join(".ays-x.ays-part");
        fs::write(&part, "").unwrap();
        let seen = init(CreateFlags::NONBLOCK).unwrap();
        add_watch(&seen, &part, WatchFlags::CLOSE).unwrap();
        remove_leftovers(pool.path()).unwrap();
        let mut room = [MaybeUninit::uninit(); 1024];
        let event = Reader::new(&seen, &mut room).next().unwrap().events();
        assert_eq!(event, ReadFlags::CLOSE_WRITE);
        assert!(!part.exists());
    }
}
