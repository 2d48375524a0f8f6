use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ays_protocol::{Directory, Examine, Examined, Failure};

use crate::disk::{check_path, failure, free_space, on_thread};
use crate::file_name::PART_SUFFIX;
use crate::locked::open_locked;
use crate::qemu_img::QemuImg;
use crate::requirements::check_writable;
use crate::{access, labels};

/// What is older was left by a run that nobody takes up again.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks at what installs need. Nothing is changed but for the mark.
pub(crate) async fn examine(order: Examine) -> Examined {
    let qemu_img = match QemuImg::find() {
        Ok(program) => program.version().await,
        Err(failure) => Err(failure),
    };
    let Examine { pool, user, downloads, mark } = order;
    let mut obstacles = labels::obstacles(Path::new("/"), &pool);
    if let Some(user) = user {
        obstacles.extend(access::obstacles(&pool, &user).await);
    }
    let (pool, downloads) = on_thread(move || {
        let pool = directory(&pool).and_then(|found| {
            if let Some(mark) = mark.filter(|_| found.exists) {
                leave(&pool.join(mark))?;
            }
            Ok(found)
        });
        (pool, directory(&downloads))
    })
    .await;
    Examined { clock_ms: clock_ms(), qemu_img, pool, downloads, obstacles }
}

fn leave(mark: &Path) -> Result<(), Failure> {
    File::create_new(mark).map(drop).map_err(|error| failure(mark, "creating", &error))
}

fn clock_ms() -> i64 {
    let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    SystemTime::now().duration_since(UNIX_EPOCH).map_or_else(|before| -ms(before.duration()), ms)
}

/// The directory itself, or, where it is missing, what it would be made in.
fn directory(path: &Path) -> Result<Directory, Failure> {
    check_path(path)?;
    let there = path.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
    let exists = there == path;
    check_writable(there)?;
    let leftovers = if exists { leftovers(path)? } else { Vec::new() };
    Ok(Directory { exists, free: free_space(there)?, leftovers })
}

/// Unfinished files that nobody works on.
fn leftovers(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: io::Error| failure(directory, "listing the directory", &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let is_part =
            name.as_encoded_bytes().starts_with(b".") && name.to_string_lossy().ends_with(PART_SUFFIX);
        // One that is gone by now is none.
        let Ok(data) = entry.metadata() else { continue };
        let age = data.modified().ok().and_then(|changed| changed.elapsed().ok());
        if is_part
            && data.is_file()
            && age.is_some_and(|age| age > STALE)
            && open_locked(&entry.path()).is_ok()
        {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_missing_is_what_it_would_be_made_in() {
        let top = tempfile::tempdir().unwrap();
        let Directory { exists, free, leftovers } = directory(&top.path().join("a/b")).unwrap();
        assert_eq!((exists, leftovers), (false, Vec::<PathBuf>::new()));
        assert!(free > 0);
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn old_unfinished_files_are_told_but_not_those_that_somebody_writes() {
        let top = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * STALE;
        let make = |name: &str, changed: SystemTime| {
            let path = top.path().join(name);
            File::create(&path).unwrap().set_modified(changed).unwrap();
            path
        };
        let left = make(".x.ays-part", old);
        make(".new.ays-part", SystemTime::now());
        make("x.raw", old);
        let _held = open_locked(&make(".held.ays-part", old)).unwrap();
        assert_eq!(directory(top.path()).unwrap().leftovers, [left]);
    }

    #[tokio::test]
    async fn the_mark_stays_where_the_pool_is_there() {
        let top = tempfile::tempdir().unwrap();
        let order = |pool: &str| Examine {
            pool: top.path().join(pool),
            user: None,
            downloads: top.path().to_owned(),
            mark: Some(".ays-mark".to_owned()),
        };
        assert!(!examine(order("missing")).await.pool.unwrap().exists);
        fs::create_dir(top.path().join("pool")).unwrap();
        assert!(examine(order("pool")).await.pool.unwrap().exists);
        assert!(top.path().join("pool/.ays-mark").exists());
        assert!(!top.path().join("missing").exists());
    }
}
