//! Filters that files are to go through.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::{AttrCheckFlags, Repository};

use crate::git_error::GitError;
use crate::needs;
use crate::user_git::{UserGit, zero_separated};

/// The first of these files whose filter git's configuration here knows nothing of, and that filter. Git itself would
/// take the file as it is, which may be what nobody else may read.
pub(crate) fn unknown_filter(
    root: &Path,
    repository: &Repository,
    paths: &[PathBuf],
) -> Result<Option<(PathBuf, String)>, GitError> {
    let known = needs::filters(repository)?;
    let wanted = match needs::to_compare(repository)? {
        Some(need) => said_by_git(&UserGit { root, need, stop: &AtomicBool::new(false) }, paths)?,
        None => said_by_library(repository, paths)?,
    };
    let mut all = paths.iter().zip(wanted);
    let unknown = all.find(|(_, filter)| filter.as_ref().is_some_and(|filter| !known.contains(filter)));
    Ok(unknown.and_then(|(path, filter)| Some((path.clone(), filter?))))
}

fn said_by_library(repository: &Repository, paths: &[PathBuf]) -> Result<Vec<Option<String>>, git2::Error> {
    let filter = |path: &PathBuf| {
        let value = repository.get_attr(path, "filter", AttrCheckFlags::FILE_THEN_INDEX)?;
        Ok(git2::AttrValue::from_string(value))
    };
    let name = |value: git2::AttrValue<'_>| match value {
        git2::AttrValue::String(name) => Some(name.to_owned()),
        _ => None,
    };
    paths.iter().map(|path| filter(path).map(name)).collect()
}

fn said_by_git(git: &UserGit<'_>, paths: &[PathBuf]) -> Result<Vec<Option<String>>, GitError> {
    let output = git.run(&["check-attr", "-z", "--stdin", "filter"], &zero_separated(paths))?;
    // The path, `filter`, and what it is set to.
    let values = output.split(|byte| *byte == 0).skip(2).step_by(3);
    let names = values.map(|value| String::from_utf8_lossy(value).into_owned());
    let is_name = |name: &String| !matches!(name.as_str(), "unspecified" | "set" | "unset" | "");
    Ok(names.map(|name| Some(name).filter(is_name)).collect())
}
