//! Which processes have a file open, or mapped into their memory.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ays_protocol::FileUse;

use super::wanted::{FileId, Wanted};

/// Notes the processes that use a file; how many could not be looked at.
pub(super) fn look(wanted: &mut Wanted) -> usize {
    let mut unseen = 0;
    let entries = match fs::read_dir("/proc") {
        Ok(entries) => entries,
        Err(error) => {
            wanted.all_not_told(Path::new("/proc"), &error.to_string());
            return 0;
        }
    };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let process = entry.path();
        let looked = open_files(&process, wanted, pid).and_then(|()| mapped_files(&process, wanted, pid));
        unseen += usize::from(looked.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied));
    }
    unseen
}

fn open_files(process: &Path, wanted: &mut Wanted, pid: u32) -> io::Result<()> {
    for entry in fs::read_dir(process.join("fd"))?.flatten() {
        // The link leads to the open file itself, whatever has become of its name.
        let found = match fs::metadata(entry.path()) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
            // Closed by now, or of a file system that does not answer.
            Err(_) => continue,
            Ok(found) => found,
        };
        if let Some(number) = wanted.find(FileId::of(&found)) {
            wanted.used(number, by(process, pid));
        }
    }
    Ok(())
}

/// A mapped file needs no descriptor any more. A line of `maps` is `begin-end rwxp offset major:minor inode path`; on some
/// file systems the numbers of the device are not those of the file, so its path counts too.
fn mapped_files(process: &Path, wanted: &mut Wanted, pid: u32) -> io::Result<()> {
    for line in fs::read(process.join("maps"))?.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let mut words = line.splitn(6, ' ');
        let (Some(range), Some(device), Some(inode)) = (words.next(), words.nth(2), words.next()) else {
            continue;
        };
        let Some(inode) = inode.parse().ok().filter(|inode| *inode != 0) else { continue };
        let path = words.next().map(str::trim_start).map(PathBuf::from);
        let same = |(number, id): &(usize, FileId)| {
            let mapped = fs::metadata(process.join("map_files").join(range));
            device_of(device) == Some(id.device)
                || path.as_ref() == Some(&wanted.path(*number))
                || mapped.is_ok_and(|found| FileId::of(&found) == *id)
        };
        let used: Vec<_> = wanted.with_inode(inode).filter(same).collect();
        for (number, _) in used {
            wanted.used(number, by(process, pid));
        }
    }
    Ok(())
}

fn device_of(words: &str) -> Option<u64> {
    let (major, minor) = words.split_once(':')?;
    let number = |digits| u32::from_str_radix(digits, 16).ok();
    Some(rustix::fs::makedev(number(major)?, number(minor)?))
}

fn by(process: &Path, pid: u32) -> FileUse {
    let command = fs::read(process.join("comm")).unwrap_or_default();
    FileUse::Process { pid, command: String::from_utf8_lossy(&command).trim_end().to_owned() }
}

#[cfg(test)]
mod tests {
    use ays_protocol::{RemovedCopy, StoredFile};
    use rustix::process::{Uid, geteuid};
    use rustix::thread::set_thread_res_uid;

    use super::*;

    fn look_at(pool: &Path) -> (usize, RemovedCopy) {
        let file = StoredFile { file: "a.raw".to_owned(), size: None };
        let mut wanted = Wanted::look(pool, &[file]);
        let unseen = look(&mut wanted);
        (unseen, wanted.answer(0).files.remove(0))
    }

    #[test]
    fn a_user_sees_only_its_own_processes_and_says_so() {
        let pool = tempfile::tempdir().unwrap();
        fs::write(pool.path().join("a.raw"), "x").unwrap();
        let path = pool.path().to_owned();
        if !geteuid().is_root() {
            return;
        }
        // Within some containers, root itself does not see all.
        let (of_root, state) = look_at(&path);
        assert_eq!(state, RemovedCopy::Unused);
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let looking = std::thread::spawn(move || {
            let nobody = Uid::from_raw(65_534);
            set_thread_res_uid(nobody, nobody, nobody).unwrap();
            look_at(&path).0
        });
        assert!(looking.join().unwrap() > of_root);
    }
}
