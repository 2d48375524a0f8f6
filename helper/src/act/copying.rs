//! Copies of files and of whole directories.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

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
    let mut left = vec![(from.to_owned(), to)];
    while let Some((from, to)) = left.pop() {
        let found = if keep_links { from.symlink_metadata() } else { from.metadata() };
        let found = found.map_err(|error| failure(&from, "reading", &error))?;
        let is_there = to.symlink_metadata().is_ok();
        if found.is_dir() {
            service.will_make(&to)?;
            make_directory(&to)?;
            left.extend(names_in(&from)?.into_iter().map(|name| (from.join(&name), to.join(&name))));
        } else if is_there && !overwrite {
        } else if found.is_symlink() {
            let target = fs::read_link(&from).map_err(|error| failure(&from, "reading the link", &error))?;
            service.will_change(&to, Change::Content)?;
            make_link(&to, &target)?;
        } else if found.is_file() {
            let mut file = File::open(&from).map_err(|error| failure(&from, "reading", &error))?;
            service.put(&to, &mut file, &Like { owner: None, ..Like::of(Some(&found)) })?;
        } else {
            return Err(refused(&from, "it is neither a file nor a directory nor a link"));
        }
    }
    Ok(())
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
    let parent: PathBuf = from.parent().unwrap_or(Path::new("/")).to_owned();
    sync_directory(&parent)
}
