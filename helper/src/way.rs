//! The way to a path. Where a link leads elsewhere, root would write or remove what a recipe or a user of the node chose:
//! only links are followed that root made, and no recipe.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use ays_protocol::Failure;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, open, openat, readlinkat, unlinkat};
use rustix::io::Errno;

use crate::disk::{failure, refused};

/// As the kernel has it.
const MOST_LINKS: usize = 40;

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const ITSELF: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The directory that a path lies in, held open: nobody leads it elsewhere any more. `is_ours` says which links were made
/// for a service.
pub(crate) fn directory_of(path: &Path, is_ours: &dyn Fn(&Path) -> bool) -> io::Result<OwnedFd> {
    let root = || open("/", DIRECTORY, Mode::empty());
    let (mut at, mut plain, mut links) = (root()?, PathBuf::from("/"), 0);
    let mut left: VecDeque<OsString> = path.parent().map(names).unwrap_or_default().into();
    while let Some(name) = left.pop_front() {
        match openat(&at, &name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(next) => {
                at = next;
                if name == ".." {
                    plain.pop()
                } else {
                    plain.push(&name);
                    true
                };
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let link = openat(&at, &name, ITSELF, Mode::empty())?;
                let found = fstat(&link)?;
                if FileType::from_raw_mode(found.st_mode) != FileType::Symlink {
                    return Err(Errno::NOTDIR.into());
                }
                let is_owned = found.st_uid == 0 || found.st_uid == rustix::process::geteuid().as_raw();
                let whole = plain.join(&name);
                links += 1;
                if !is_owned || is_ours(&whole) || links > MOST_LINKS {
                    let message = format!("the link {} leads elsewhere", whole.display());
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
                }
                let to = PathBuf::from(OsString::from_vec(readlinkat(&link, "", Vec::new())?.into_bytes()));
                if to.is_absolute() {
                    (at, plain) = (root()?, PathBuf::from("/"));
                }
                names(&to).into_iter().rev().for_each(|name| left.push_front(name));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(at)
}

fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    });
    names.collect()
}

/// Refuses a path whose way leads elsewhere; what is not there yet leads nowhere.
pub(crate) fn check(path: &Path, is_ours: &dyn Fn(&Path) -> bool) -> Result<(), Failure> {
    match directory_of(path, is_ours) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(refused(path, &error.to_string()))
        }
        Err(error) => Err(failure(path, "looking at the directories above it", &error)),
    }
}

/// What is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    /// One that is empty.
    Directory,
}

/// Removes something at the end of such a way.
pub(crate) fn remove(path: &Path, kind: Kind, is_ours: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    let directory = directory_of(path, is_ours)?;
    let flags = if kind == Kind::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    Ok(unlinkat(&directory, path.file_name().unwrap_or(OsStr::new(".")), flags)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_removed_behind_a_link_of_a_service() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("system/below")).unwrap();
        fs::write(root.join("system/below/x"), "").unwrap();
        symlink("system", root.join("link")).unwrap();
        let path = root.join("link/below/x");
        let is_ours = |path: &Path| path == root.join("link");
        assert!(check(&path, &is_ours).is_err());
        assert!(remove(&path, Kind::File, &is_ours).is_err());
        assert!(path.exists());
        // The operator's own lead where they should.
        assert!(check(&path, &|_| false).is_ok());
        remove(&path, Kind::File, &|_| false).unwrap();
        remove(&root.join("link/below"), Kind::Directory, &|_| false).unwrap();
        assert_eq!(fs::read_dir(root.join("system")).unwrap().count(), 0);
        assert!(check(&root.join("none/below/x"), &|_| false).is_ok());
    }

    #[test]
    fn a_link_of_another_user_leads_nowhere() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        symlink("/etc", root.join("conf")).unwrap();
        if std::os::unix::fs::lchown(root.join("conf"), Some(1234), None).is_err() {
            // Only root gives files away.
            return;
        }
        let refusal = check(&root.join("conf/passwd"), &|_| false).unwrap_err();
        let path = root.join("conf/passwd");
        let reason = format!("the link {} leads elsewhere", root.join("conf").display());
        assert_eq!(refusal, refused(&path, &reason));
    }
}
