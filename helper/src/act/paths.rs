//! Paths, as methods may name them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ays_protocol::Failure;

use crate::disk::{check_path, failure, refused};

/// Only whole paths: a method has no directory of its own on the node.
pub(super) fn absolute(path: String) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(path);
    check_path(&path)?;
    // `/a//b/` and `/a/./b` are `/a/b`.
    Ok(path.components().collect())
}

/// A text of the kernel's.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| failure(path, "reading", &error))
}

/// The names in a directory, in order.
pub(super) fn names_in(directory: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: io::Error| failure(directory, "listing it", &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// A mistake in a recipe must not empty the node.
pub(super) fn check_removable(path: &Path) -> Result<(), Failure> {
    if path.components().count() <= 2 {
        return Err(refused(path, "a recipe must not remove a directory that the node itself needs"));
    }
    Ok(())
}
