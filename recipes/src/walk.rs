//! Finding directories by the files that lie in them.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The directories below `top` that hold a file of one of these names, sorted, each with the names that it holds. Hidden
/// directories, and links to directories, are left out. The tree is walked once, and no file is opened.
pub(crate) fn directories_with(top: &Path, names: &[&'static str]) -> Vec<(PathBuf, Vec<&'static str>)> {
    let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    let entries = WalkDir::new(top)
        .min_depth(2)
        .into_iter()
        .filter_entry(|entry| !is_hidden(entry.file_name()))
        .filter_map(Result::ok);
    let mut found: Vec<(PathBuf, &'static str)> = entries
        .filter_map(|entry| {
            let name = names.iter().find(|name| entry.file_name() == **name)?;
            let is_file = match entry.file_type() {
                kind if kind.is_symlink() => entry.path().is_file(),
                kind => kind.is_file(),
            };
            let directory = entry.path().parent().filter(|_| is_file)?;
            Some((directory.to_owned(), *name))
        })
        .collect();
    found.sort();
    let of_directory = found.chunk_by(|one, other| one.0 == other.0);
    of_directory.map(|held| (held[0].0.clone(), held.iter().map(|(_, name)| *name).collect())).collect()
}
