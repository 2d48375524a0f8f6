//! Copies of files and of whole directories.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ays_protocol::Failure;

use super::paths::{check_removable, names_in};
use crate::disk::{failure, make_directory, refused, sync_directory};
use crate::service::{Change, Like, Service};
use crate::tree::make_link;

/// Copies a file, or a directory with all in it, into what is there.
pub(super) fn copy(
    service: &mut Service,
    from: &Path,
    to: &Path,
    overwrite: bool,
    keep_links: bool,
) -> Result<(), Failure> {
    let to = match from.file_name().filter(|_| !from.is_dir() && to.is_dir()) {
        Some(name) => to.join(name),
        None => to.to_owned(),
    };
    if from.is_dir() && to.starts_with(from) {
        return Err(refused(&to, "a directory cannot be copied into itself"));
    }
    let mut left = vec![(from.to_owned(), to, Vec::new())];
    while let Some((from, to, within)) = left.pop() {
        let found = if keep_links { from.symlink_metadata() } else { from.metadata() };
        let found = found.map_err(|error| failure(&from, "reading", &error))?;
        if found.is_dir() {
            let itself = (found.dev(), found.ino());
            if within.contains(&itself) {
                return Err(refused(&from, "it leads to a directory that it lies in"));
            }
            service.will_make(&to)?;
            make_directory(&to)?;
            let within = [&within[..], &[itself]].concat();
            let names = names_in(&from)?.into_iter();
            left.extend(names.map(|name| (from.join(&name), to.join(&name), within.clone())));
        } else if overwrite || to.symlink_metadata().is_err() {
            copy_one(service, &from, &to, &found)?;
        }
    }
    Ok(())
}

fn copy_one(service: &mut Service, from: &Path, to: &Path, found: &Metadata) -> Result<(), Failure> {
    if found.is_symlink() {
        let target = fs::read_link(from).map_err(|error| failure(from, "reading the link", &error))?;
        service.will_change(to, Change::Content)?;
        return make_link(to, &target);
    }
    if !found.is_file() {
        return Err(refused(from, "it is neither a file nor a directory nor a link"));
    }
    let mut file = File::open(from).map_err(|error| failure(from, "reading", &error))?;
    service.put(to, &mut file, &Like { owner: None, ..Like::of(Some(found)) })
}

/// Moves a file or a directory.
pub(super) fn rename(service: &mut Service, from: &Path, to: &Path) -> Result<(), Failure> {
    let to = match from.file_name().filter(|_| to.is_dir()) {
        Some(name) => to.join(name),
        None => to.to_owned(),
    };
    let found = from.symlink_metadata().map_err(|error| failure(from, "moving it", &error))?;
    if found.is_dir() {
        check_removable(from)?;
        // All of it is noted by its new names; across file systems there is no other way than to copy it.
        copy(service, from, &to, true, true)?;
        fs::remove_dir_all(from).map_err(|error| failure(from, "removing", &error))?;
    } else {
        service.will_change(from, Change::Content)?;
        copy(service, from, &to, true, true)?;
        fs::remove_file(from).map_err(|error| failure(from, "removing", &error))?;
    }
    sync_directory(from.parent().unwrap_or(Path::new("/")))
}
