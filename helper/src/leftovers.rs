use std::fs::DirEntry;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use ays_protocol::Failure;

use crate::disk::{failure, remove};
use crate::file_name::PART_SUFFIX;
use crate::locked::open_locked;

/// What unfinished files in a pool begin with.
pub(crate) const PART_PREFIX: &str = ".ays-";

/// The end of the name of a file that was brought from another pool and is to be converted.
const BROUGHT_SUFFIX: &str = ".ays-bring";

/// No conversion takes so long: what is older was left by a run that was stopped.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what stopped runs left in the pool: their files are there, but nobody holds their locks.
pub(crate) fn remove_leftovers(pool: &Path) -> Result<(), Failure> {
    let unreadable = |error: io::Error| failure(pool, "listing the directory", &error);
    for entry in fs::read_dir(pool).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(BROUGHT_SUFFIX) && is_stale(&entry) {
            remove(&entry.path())?;
        }
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

fn is_stale(entry: &DirEntry) -> bool {
    let Ok(found) = entry.metadata() else { return false };
    let age = found.modified().ok().and_then(|changed| changed.elapsed().ok());
    found.is_file() && age.is_some_and(|age| age > STALE)
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};

    use super::*;

    #[test]
    fn what_was_to_be_converted_goes_a_day_later() {
        let pool = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - 2 * STALE;
        for (name, changed) in
            [(".a.ays-bring", old), ("b.ays-bring", old), (".c.ays-bring", old + 2 * STALE)]
        {
            fs::File::create(pool.path().join(name)).unwrap().set_modified(changed).unwrap();
        }
        remove_leftovers(pool.path()).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(pool.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".c.ays-bring", "b.ays-bring"]);
    }

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
