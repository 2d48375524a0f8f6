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
use crate::way::{self, Kind};

/// Which entries are to be written. Links are made, and what has gone from the tree is removed.
pub(crate) fn compare(order: &Tree) -> Result<Vec<usize>, Failure> {
    compare_of(&mut Service::open(&order.service)?, order)
}

fn compare_of(service: &mut Service, order: &Tree) -> Result<Vec<usize>, Failure> {
    let paths: Vec<PathBuf> =
        order.entries.iter().map(|entry| path_of(&order.dest, entry)).collect::<Result<_, _>>()?;
    let all: BTreeSet<PathBuf> =
        paths.iter().cloned().chain(order.links.iter().map(|(link, _)| link.clone())).collect();
    // What is old may be in the way of what is new.
    remove_old(service, order, &all)?;
    service.written.trees.insert(order.name.clone(), all.clone());
    service.save()?;
    service.note(all.iter().map(PathBuf::as_path))?;
    // What nobody of ours wrote stays, where it is not to be replaced.
    let stays = |path: &Path| {
        !order.overwrite && !service.written.files.contains(path) && path.symlink_metadata().is_ok()
    };
    let mut lacking = Vec::new();
    for (number, (entry, path)) in order.entries.iter().zip(&paths).enumerate() {
        let is_there = match entry.kind {
            _ if stays(path) => true,
            // It leads where it should only when its text is the same.
            TreeKind::Link => link_is_there(entry, path),
            _ => is_there(entry, path)?,
        };
        if !is_there {
            lacking.push(number);
        }
    }
    for (link, to) in order.links.iter().filter(|(link, _)| !stays(link)) {
        make_link(link, to)?;
    }
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
    // Links of ours were looked for when the trees were compared.
    way::check(&path, &|_| false)?;
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
    // `dest` may be the file; with an empty name behind it, it would be a directory.
    Ok(if entry.path.as_os_str().is_empty() { dest.to_owned() } else { dest.join(&entry.path) })
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

/// Removes what earlier trees of the service had, and no other tree or service has. What they found there and did not
/// write stays.
fn remove_old(service: &mut Service, order: &Tree, new: &BTreeSet<PathBuf>) -> Result<(), Failure> {
    let is_old = |name: &String| *name == order.name || !order.trees.contains(name);
    let (old, current): (Vec<_>, Vec<_>) =
        std::mem::take(&mut service.written.trees).into_iter().partition(|(name, _)| is_old(name));
    service.written.trees = current.into_iter().collect();
    let old: BTreeSet<PathBuf> = old.into_iter().flat_map(|(_, paths)| paths).collect();
    let is_in_a_tree = |path: &PathBuf| service.written.trees.values().any(|paths| paths.contains(path));
    let old: Vec<PathBuf> = old
        .into_iter()
        .filter(|path| !new.contains(path) && !is_in_a_tree(path) && service.written.files.contains(path))
        .collect();
    for path in &old {
        let is_of_service = |link: &Path| service.is_of_service(link);
        if !service.others().files.contains(path) {
            // What a run that was killed had begun.
            let _ = way::remove(&part_of(path), Kind::File, &is_of_service);
            match way::remove(path, Kind::File, &is_of_service) {
                Ok(()) => {
                    if let Some(parent) = path.parent().filter(|parent| parent.is_dir()) {
                        sync_directory(parent)?;
                    }
                }
                // Somebody removed it, or made something else of it.
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) if error.kind() == ErrorKind::PermissionDenied || path.is_dir() => {}
                Err(error) => return Err(failure(path, "removing", &error)),
            }
        }
        for above in path.ancestors().skip(1) {
            let goes = service.written.directories.contains(above)
                && !service.others().directories.contains(above)
                && way::remove(above, Kind::Directory, &|link| service.is_of_service(link)).is_ok();
            if !goes {
                break;
            }
            service.written.directories.remove(above);
        }
        service.written.files.remove(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of services, and one where they write.
    struct Node {
        directory: tempfile::TempDir,
    }

    impl Node {
        fn new() -> Self {
            Self { directory: tempfile::tempdir().unwrap() }
        }

        fn path(&self, below: &str) -> PathBuf {
            self.directory.path().canonicalize().unwrap().join("root").join(below)
        }

        fn service(&self, name: &str) -> Service {
            Service::in_directory(self.directory.path().join("services").join(name)).unwrap()
        }

        /// Installs the tree `name` of a service that has `trees`: files with their texts, below a directory.
        fn install(
            &self,
            service: &str,
            (name, trees): (&str, &[&str]),
            below: &str,
            files: &[(&str, &str)],
        ) -> Result<(), Failure> {
            let entry = |(path, text): &(&str, &str)| TreeEntry {
                path: path.into(),
                kind: if let Some(to) = text.strip_prefix("->") {
                    return TreeEntry {
                        path: path.into(),
                        kind: TreeKind::Link,
                        sha256: Sha256(sha2::Sha256::digest(to).into()),
                        size: to.len() as u64,
                    };
                } else {
                    TreeKind::File
                },
                sha256: Sha256(sha2::Sha256::digest(text).into()),
                size: text.len() as u64,
            };
            let order = Tree {
                service: service.to_owned(),
                name: name.to_owned(),
                dest: self.path(below),
                entries: files.iter().map(entry).collect(),
                overwrite: true,
                trees: trees.iter().map(|name| (*name).to_owned()).collect(),
                links: Vec::new(),
            };
            for number in compare_of(&mut self.service(service), &order)? {
                let text = files[number].1;
                write(&TreePart {
                    dest: order.dest.clone(),
                    entry: order.entries[number].clone(),
                    offset: 0,
                    bytes: ays_protocol::Secret::new(
                        STANDARD.encode(text.strip_prefix("->").unwrap_or(text)),
                    ),
                })?;
            }
            Ok(())
        }

        fn one(&self, service: &str, below: &str, files: &[(&str, &str)]) -> Result<(), Failure> {
            self.install(service, ("t", &["t"]), below, files)
        }
    }

    #[test]
    fn a_newer_tree_may_have_directories_where_the_older_one_had_files() {
        let node = Node::new();
        for (files, there) in [
            (&[("a", "1")][..], "app/a"),
            (&[("a/x", "2")], "app/a/x"),
            (&[("a", "3")], "app/a"),
            (&[("d/a", "4")], "app/d/a"),
            (&[("d/b", "5")], "app/d/b"),
        ] {
            node.one("s", "app", files).unwrap();
            assert!(node.path(there).is_file(), "{there}");
            let written = node.service("s").written;
            assert_eq!(written.files, BTreeSet::from([node.path(there)]));
            assert!(node.path(there).ancestors().take(2).skip(1).all(|d| written.directories.contains(d)));
        }
        // What somebody has made of one that is dropped is theirs.
        fs::remove_file(node.path("app/d/b")).unwrap();
        fs::create_dir(node.path("app/d/b")).unwrap();
        node.one("s", "app", &[("x", "6")]).unwrap();
        assert!(node.path("app/d/b").is_dir());
        assert!(!node.service("s").written.files.contains(&node.path("app/d/b")));
    }

    #[test]
    fn trees_of_one_directory_leave_each_other_alone() {
        let node = Node::new();
        for _ in 0..2 {
            node.install("s", ("one", &["one", "two"]), "app", &[("a", "1"), ("both", "1")]).unwrap();
            node.install("s", ("two", &["one", "two"]), "app", &[("b", "2"), ("both", "2")]).unwrap();
            assert!(node.path("app/a").is_file() && node.path("app/b").is_file());
        }
        // One that the recipe has no more goes, but for what the other one has too.
        node.install("s", ("two", &["two"]), "app", &[("b", "2"), ("both", "2")]).unwrap();
        assert!(!node.path("app/a").exists() && node.path("app/both").is_file());
    }

    #[test]
    fn what_two_services_have_goes_with_the_last_one() {
        let node = Node::new();
        node.one("s", "code", &[("x", "1"), ("y", "1")]).unwrap();
        node.one("t", "code", &[("x", "1"), ("y", "1")]).unwrap();
        // A newer version without a file takes it from nobody else.
        node.one("s", "code", &[("x", "1")]).unwrap();
        assert!(node.path("code/y").is_file());
        let uninstall = |name: &str| {
            let mut removed = ays_protocol::RemovedService::default();
            let service = node.service(name);
            crate::remove_service::remove_files(&service, &mut removed).unwrap();
            fs::remove_file(service.dir().join(crate::service::RECORD)).unwrap();
            removed
        };
        assert_eq!(uninstall("s").removed, Vec::<PathBuf>::new());
        assert!(node.path("code/x").is_file());
        uninstall("t");
        assert!(!node.path("code").exists());
    }

    #[test]
    fn a_tree_s_own_link_is_no_way_out_of_it() {
        let node = Node::new();
        fs::create_dir_all(node.path("system")).unwrap();
        let names = ["one", "two"];
        let to = format!("->{}", node.path("system").display());
        node.install("s", ("one", &names), "app", &[("data", &to)]).unwrap();
        assert!(node.install("s", ("two", &names), "app/data", &[("x", "1")]).is_err());
        assert_eq!(fs::read_dir(node.path("system")).unwrap().count(), 0);
    }
}
