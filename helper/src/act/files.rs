//! Files and directories of the node.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ays_model::{FileAction, FileKind, Found, NodeAnswer};
use ays_protocol::{Failure, MOST_BYTES};

use super::accounts::group_number;
use super::copying;
use super::paths::{absolute, check_removable, names_in};
use crate::disk::{failure, make_directory, refused, sync_directory};
use crate::processes::User;
use crate::service::{Change, Like, Service};

/// How many paths a list may have.
const MOST_PATHS: usize = 20_000;

/// Looks, and changes nothing.
pub(super) fn look(action: FileAction) -> Result<NodeAnswer, Failure> {
    match action {
        FileAction::Look { path, follow } => Ok(NodeAnswer::Found(found(&absolute(path)?, follow)?)),
        FileAction::Read { path } => read(&absolute(path)?).map(NodeAnswer::Bytes),
        FileAction::ReadLink { path } => {
            let path = absolute(path)?;
            let to = fs::read_link(&path).map_err(|error| failure(&path, "reading the link", &error))?;
            Ok(NodeAnswer::Text(to.display().to_string()))
        }
        FileAction::List { path, recursive, files, directories, filter } => {
            list(&absolute(path)?, recursive, files, directories, filter.as_deref()).map(NodeAnswer::Paths)
        }
        _ => Ok(NodeAnswer::Failed("it changes something".to_owned())),
    }
}

/// Changes something, which is noted before.
pub(super) fn change(mut service: Service, action: FileAction) -> Result<NodeAnswer, Failure> {
    match action {
        FileAction::Write { path, content, append } => write(&mut service, absolute(path)?, content, append)?,
        FileAction::CreateDir { path } => {
            let path = absolute(path)?;
            service.will_make(&path)?;
            make_directory(&path)?;
        }
        FileAction::Copy { from, to, overwrite, keep_links } => {
            copying::copy(&mut service, &absolute(from)?, &absolute(to)?, overwrite, keep_links)?;
        }
        FileAction::Move { from, to } => copying::rename(&mut service, &absolute(from)?, &absolute(to)?)?,
        FileAction::Remove { path, only_empty } => remove(&mut service, &absolute(path)?, only_empty)?,
        FileAction::Link { target, path, replace } => {
            link(&mut service, Path::new(&target), &absolute(path)?, replace)?;
        }
        FileAction::Chmod { path, mode, recursive } => {
            let set = |path: &Path, found: &Metadata| match found.is_symlink() {
                // It has none of its own.
                true => Ok(()),
                false => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
            };
            for_all(&mut service, absolute(path)?, recursive, "setting permissions", set)?;
        }
        FileAction::Chown { path, user, group, recursive } => {
            let user = User::of(&user, Some(&user))?;
            let group = match group {
                None => user.gid,
                Some(name) => group_number(&name)?
                    .ok_or_else(|| refused(name.as_ref(), "the node has no such group"))?,
            };
            let set =
                |path: &Path, _: &Metadata| std::os::unix::fs::lchown(path, Some(user.uid), Some(group));
            for_all(&mut service, absolute(path)?, recursive, "setting its owner", set)?;
        }
        other => return look(other),
    }
    Ok(NodeAnswer::Done)
}

fn found(path: &Path, follow: bool) -> Result<Option<Found>, Failure> {
    let looked = if follow { path.metadata() } else { path.symlink_metadata() };
    match looked {
        Ok(found) => Ok(Some(Found {
            kind: kind_of(&found),
            size: found.len(),
            mode: found.permissions().mode() & 0o7777,
        })),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failure(path, "looking at it", &error)),
    }
}

fn kind_of(found: &Metadata) -> FileKind {
    match found.file_type() {
        kind if kind.is_symlink() => FileKind::Link,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_file() => FileKind::File,
        _ => FileKind::Other,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: io::Error| failure(path, "reading", &error);
    // Opening a pipe would wait for whoever writes to it.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(refused(path, "it is no file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MOST_BYTES {
        return Err(refused(path, &format!("a method reads at most {MOST_BYTES} bytes of a file")));
    }
    Ok(bytes)
}

fn list(
    root: &Path,
    recursive: bool,
    files: bool,
    directories: bool,
    filter: Option<&str>,
) -> Result<Vec<String>, Failure> {
    let pattern = filter.map(glob::Pattern::new).transpose();
    let pattern = pattern.map_err(|error| refused(root, &format!("the pattern cannot be read: {error}")))?;
    let (mut listed, mut size) = (Vec::new(), 0);
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for name in names_in(&directory)? {
            let path = directory.join(&name);
            let is_directory = path.is_dir();
            let is_link = path.is_symlink();
            if recursive && is_directory && !is_link {
                left.push(path.clone());
            }
            let is_wanted = if is_directory { directories } else { files };
            if is_wanted && pattern.as_ref().is_none_or(|pattern| pattern.matches(&name)) {
                let path = path.display().to_string();
                size += path.len();
                listed.push(path);
            }
            if size > MOST_BYTES || listed.len() > MOST_PATHS || left.len() > MOST_PATHS {
                return Err(refused(root, "it has more files or directories than a method may list"));
            }
        }
    }
    listed.sort();
    Ok(listed)
}

fn write(service: &mut Service, path: PathBuf, content: Vec<u8>, append: bool) -> Result<(), Failure> {
    // What a link points to is written, not the link.
    let path = if path.is_symlink() {
        path.canonicalize().map_err(|error| failure(&path, "following the link", &error))?
    } else {
        path
    };
    let before = path.metadata().ok();
    if before.as_ref().is_some_and(|found| !found.is_file()) {
        return Err(refused(&path, "it is no file"));
    }
    let like = Like::of(before.as_ref());
    if append && before.is_some() {
        let file = File::open(&path).map_err(|error| failure(&path, "reading", &error))?;
        return service.put(&path, &mut file.chain(&content[..]), &like);
    }
    service.put(&path, &mut &content[..], &like)
}

fn remove(service: &mut Service, path: &Path, only_empty: bool) -> Result<(), Failure> {
    let Some(found) = found(path, false)? else { return Ok(()) };
    let failed = |error: io::Error| failure(path, "removing", &error);
    if found.kind == FileKind::Directory {
        check_removable(path)?;
        let removed = if only_empty { fs::remove_dir(path) } else { fs::remove_dir_all(path) };
        removed.map_err(failed)?;
    } else {
        service.will_change(path, Change::Content)?;
        fs::remove_file(path).map_err(failed)?;
    }
    sync_directory(path.parent().unwrap_or(Path::new("/")))
}

fn link(service: &mut Service, target: &Path, path: &Path, replace: bool) -> Result<(), Failure> {
    if fs::read_link(path).is_ok_and(|there| there == target) {
        return Ok(());
    }
    match found(path, false)? {
        None => {}
        Some(_) if !replace => return Err(refused(path, "something else is in its place")),
        Some(found) if found.kind == FileKind::Directory => remove(service, path, false)?,
        Some(_) => {}
    }
    service.will_change(path, Change::Content)?;
    crate::tree::make_link(path, target)
}

/// Does something with a path, and, `recursive`, with all below it; links are not followed.
fn for_all(
    service: &mut Service,
    path: PathBuf,
    recursive: bool,
    doing: &str,
    set: impl Fn(&Path, &Metadata) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut left = vec![path];
    while let Some(path) = left.pop() {
        let found = path.symlink_metadata().map_err(|error| failure(&path, doing, &error))?;
        service.will_change(&path, Change::Rights)?;
        set(&path, &found).map_err(|error| failure(&path, doing, &error))?;
        if recursive && found.is_dir() {
            left.extend(names_in(&path)?.into_iter().map(|name| path.join(name)));
        }
    }
    Ok(())
}
