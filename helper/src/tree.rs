//! Files that come from a git repository, by the controller: what is there already is compared, what differs is
//! written, and what an earlier version had and this one has not is removed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use ays_model::Sha256;
use ays_protocol::{Failure, Tree, TreeEntry, TreeKind, TreePart};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;

use crate::disk::{failure, make_directory, refused, remove, rename, sha256_of, sync_directory};
use crate::file_name::part_of;
use crate::locked::wait_locked;
use crate::service::{Service, set_mode};

/// Which entries are to be written. Links are made, and what has gone from the tree is removed.
pub(crate) fn compare(order: &Tree) -> Result<Vec<usize>, Failure> {
    let mut service = Service::open(&order.service)?;
    let paths: Vec<PathBuf> =
        order.entries.iter().map(|entry| path_of(&order.dest, entry)).collect::<Result<_, _>>()?;
    let links = order.links.iter().map(|(link, _)| link.as_path());
    service.will_write(paths.iter().map(PathBuf::as_path).chain(links))?;
    remove_old(&mut service, order, &paths)?;
    let mut lacking = Vec::new();
    for (number, (entry, path)) in order.entries.iter().zip(&paths).enumerate() {
        match entry.kind {
            // It leads where it should only when its text is the same.
            TreeKind::Link if link_is_there(entry, path) => {}
            TreeKind::Link => lacking.push(number),
            // What nobody of ours wrote stays, where it is not to be replaced.
            _ if !order.overwrite && !service.written.files.contains(path) && path.is_file() => {}
            _ if is_there(entry, path)? => {}
            _ => lacking.push(number),
        }
    }
    for (link, to) in &order.links {
        make_link(link, to)?;
    }
    let mut entries: BTreeSet<PathBuf> = order.entries.iter().map(|entry| entry.path.clone()).collect();
    entries.extend(order.links.iter().map(|(link, _)| link.clone()));
    service.written.trees.insert(order.dest.clone(), entries);
    service.save()?;
    Ok(lacking)
}

/// Writes a part of a file; with its last bytes it is verified and gets its name.
pub(crate) fn write(order: &TreePart) -> Result<(), Failure> {
    let path = path_of(&order.dest, &order.entry)?;
    let bytes = STANDARD.decode(order.bytes.expose()).map_err(|error| refused(&path, &error.to_string()))?;
    let end = order.offset + bytes.len() as u64;
    if end > order.entry.size {
        return Err(refused(&path, "more bytes came than it has"));
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    make_directory(parent)?;
    if order.entry.kind == TreeKind::Link {
        let to = String::from_utf8(bytes).map_err(|_| refused(&path, "the link is no text"))?;
        return make_link(&path, Path::new(&to));
    }
    let part = part_of(&path);
    let mut file = wait_locked(&part)?;
    let failed = |error: std::io::Error| failure(&path, "writing", &error);
    file.seek(SeekFrom::Start(order.offset)).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    if end < order.entry.size {
        return Ok(());
    }
    file.set_len(end).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let actual = sha256_of(&mut file).map_err(failed)?;
    if actual != order.entry.sha256 {
        remove(&part)?;
        return Err(refused(&path, "other bytes came than were sent"));
    }
    set_mode(&file, mode(order.entry.kind)).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Err(refused(&path, "a directory is in its place"));
    }
    rename(&part, &path)
}

fn mode(kind: TreeKind) -> u32 {
    if kind == TreeKind::Program { 0o755 } else { 0o644 }
}

/// Where an entry lies; one that would lie elsewhere is refused.
fn path_of(dest: &Path, entry: &TreeEntry) -> Result<PathBuf, Failure> {
    let is_plain = entry.path.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || !dest.is_absolute() || dest.components().any(|part| part == Component::ParentDir) {
        return Err(refused(&entry.path, "it leads out of its tree"));
    }
    // A link in the way would lead elsewhere.
    let mut path = dest.to_owned();
    for part in entry.path.components() {
        if path != dest && path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Err(refused(&path, "a link is in the place of a directory"));
        }
        path.push(part);
    }
    Ok(path)
}

fn is_there(entry: &TreeEntry, path: &Path) -> Result<bool, Failure> {
    let found = match path.symlink_metadata() {
        Ok(found) if found.is_file() && found.len() == entry.size => found,
        Ok(_) => return Ok(false),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(error) => return Err(failure(path, "looking at it", &error)),
    };
    let failed = |error: std::io::Error| failure(path, "reading", &error);
    let mut file = File::open(path).map_err(failed)?;
    if sha256_of(&mut file).map_err(failed)? != entry.sha256 {
        return Ok(false);
    }
    let wanted = mode(entry.kind);
    if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777 != wanted {
        set_mode(&file, wanted).map_err(failed)?;
    }
    Ok(true)
}

fn link_is_there(entry: &TreeEntry, path: &Path) -> bool {
    let there = fs::read_link(path).ok();
    there.is_some_and(|to| {
        Sha256(sha2::Sha256::digest(to.as_os_str().as_encoded_bytes()).into()) == entry.sha256
    })
}

pub(crate) fn make_link(link: &Path, to: &Path) -> Result<(), Failure> {
    if fs::read_link(link).is_ok_and(|there| there == to) {
        return Ok(());
    }
    make_directory(link.parent().unwrap_or(Path::new("/")))?;
    if link.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        // An empty one is only in the way.
        fs::remove_dir(link).map_err(|error| failure(link, "putting a link in its place", &error))?;
    }
    let part = part_of(link);
    remove(&part)?;
    std::os::unix::fs::symlink(to, &part).map_err(|error| failure(link, "linking", &error))?;
    rename(&part, link)
}

/// Removes what earlier trees of the service had. What they found there and did not write stays.
fn remove_old(service: &mut Service, order: &Tree, paths: &[PathBuf]) -> Result<(), Failure> {
    let links = order.links.iter().map(|(link, _)| link);
    let new: BTreeSet<&PathBuf> = paths.iter().chain(links).collect();
    let mut old: Vec<PathBuf> = Vec::new();
    let is_old = |dest: &PathBuf| *dest == order.dest || !order.trees.contains(dest);
    for (dest, entries) in service.written.trees.iter().filter(|(dest, _)| is_old(dest)) {
        // Links have whole paths.
        let path =
            |entry: &PathBuf| if entry.as_os_str().is_empty() { dest.clone() } else { dest.join(entry) };
        old.extend(entries.iter().map(path).filter(|path| !new.contains(path)));
    }
    service.written.trees.retain(|dest, _| !is_old(dest));
    for path in old {
        if !service.written.files.contains(&path) {
            continue;
        }
        remove(&path)?;
        service.written.files.remove(&path);
        if let Some(parent) = path.parent().filter(|parent| parent.is_dir()) {
            sync_directory(parent)?;
        }
        for above in path.ancestors().skip(1) {
            if !service.written.directories.contains(above) || fs::remove_dir(above).is_err() {
                break;
            }
            service.written.directories.remove(above);
        }
    }
    Ok(())
}
