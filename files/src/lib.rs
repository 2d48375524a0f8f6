//! Files that are written as a whole or not at all.
//!
//! It must not know what is in them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its user alone: mode 0600.
    User,
    /// As for the file that it replaces, else as the user's mask says.
    AsBefore,
}

/// Puts a file in place as a whole, and waits until the disk has it. A link in its place is replaced and not followed. What a
/// writer left that was killed is written over, so of two writers at once one fails: lock the directory where there may be
/// two.
///
/// # Errors
///
/// Those of the file system; the file is then as it was before.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let part = directory.join(format!(".{}.ays-part", name.display()));
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    if readers == Readers::User {
        new.mode(0o600);
    }
    let mut file = new.open(&part)?;
    if let (Readers::AsBefore, Ok(before)) = (readers, path.symlink_metadata())
        && before.is_file()
    {
        file.set_permissions(Permissions::from_mode(before.permissions().mode()))?;
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        fs::write(directory.path().join(".a.ays-part"), "of one that was killed").unwrap();
        replace(&file, b"new", Readers::AsBefore).unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"new".to_vec(), 0o640));
        replace(&file, b"secret", Readers::User).unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"secret".to_vec(), 0o600));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (link, other) = (directory.path().join("link"), directory.path().join("other"));
        fs::write(&other, "other").unwrap();
        symlink(&other, &link).unwrap();
        replace(&link, b"new", Readers::AsBefore).unwrap();
        assert!(link.symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read(&other).unwrap(), b"other");
    }

    #[test]
    fn where_it_cannot_be_written_the_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("a")).unwrap();
        assert!(replace(&directory.path().join("a"), b"new", Readers::AsBefore).is_err());
        assert!(replace(&directory.path().join("no/a"), b"new", Readers::AsBefore).is_err());
    }
}
