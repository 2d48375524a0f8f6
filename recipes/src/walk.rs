//! Finding directories by the files that lie in them.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The directories below `top` that hold a file of one of these names, sorted. Hidden directories, and links to
/// directories, are left out. The tree is walked once, and no file is opened.
pub(crate) fn directories_with(top: &Path, names: &[&str]) -> Vec<PathBuf> {
    let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    let entries = WalkDir::new(top)
        .min_depth(1)
        .into_iter()
        .filter_entry(|entry| !is_hidden(entry.file_name()))
        .filter_map(Result::ok);
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.depth() > 1 && names.iter().any(|name| entry.file_name() == *name))
        .filter(|entry| match entry.file_type() {
            kind if kind.is_symlink() => entry.path().is_file(),
            kind => kind.is_file(),
        })
        .filter_map(|entry| entry.path().parent().map(Path::to_owned))
        .collect();
    found.sort();
    found.dedup();
    found
}
