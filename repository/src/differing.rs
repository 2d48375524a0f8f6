//! Which files are not as the index and the branch have them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::{Repository, StatusOptions};

use crate::git_error::GitError;
use crate::needs::{self, Need};
use crate::user_git::{UserGit, UserGitError, zero_separated};

/// What the files are looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be committed: ignored files are left out, and what is not committed inside of a submodule.
    Commit,
    /// To say whether they are as in a commit: ignored files are left out.
    Describe,
    /// To be overwritten: ignored files are named.
    Overwrite,
}

/// All files that are not as the branch has them, those that git does not know among them; only those below `paths`,
/// where some are given. A path that ends in `/` is a repository of its own.
pub(crate) fn differing(
    root: &Path,
    repository: &Repository,
    paths: &[&Path],
    purpose: Purpose,
) -> Result<Vec<PathBuf>, GitError> {
    match needs::to_compare(repository)? {
        Some(need) => {
            let git = UserGit { root, need, stop: &AtomicBool::new(false) };
            said_by_git(&git, paths, purpose)
        }
        None => said_by_library(repository, paths, purpose),
    }
}

/// Those of these paths that are part of what is checked out. A file outside of a sparse checkout may be there all the
/// same, and git does not commit it.
pub(crate) fn checked_out(
    root: &Path,
    repository: &Repository,
    paths: Vec<PathBuf>,
) -> Result<Vec<PathBuf>, GitError> {
    if needs::to_compare(repository)? != Some(Need::SparseCheckout) {
        return Ok(paths);
    }
    let git = UserGit { root, need: Need::SparseCheckout, stop: &AtomicBool::new(false) };
    match git.run(&["sparse-checkout", "check-rules", "-z"], &zero_separated(&paths)) {
        Ok(output) => Ok(zero_split(&output).map(PathBuf::from).collect()),
        // git 2.40 and older do not know the question, and commit such a file.
        Err(UserGitError::Failed { .. }) => Ok(paths),
        Err(error) => Err(error.into()),
    }
}

fn said_by_library(
    repository: &Repository,
    paths: &[&Path],
    purpose: Purpose,
) -> Result<Vec<PathBuf>, GitError> {
    let is_named = purpose == Purpose::Overwrite;
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).disable_pathspec_match(true);
    options.include_ignored(is_named).recurse_ignored_dirs(is_named);
    for path in paths {
        options.pathspec(*path);
    }
    let statuses = repository.statuses(Some(&mut options))?;
    let wanted = statuses.iter().filter(|entry| is_named || !entry.status().is_ignored());
    Ok(wanted.map(|entry| PathBuf::from(OsStr::from_bytes(entry.path_bytes()))).collect())
}

fn said_by_git(git: &UserGit<'_>, paths: &[&Path], purpose: Purpose) -> Result<Vec<PathBuf>, GitError> {
    let mut arguments = vec!["status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"];
    arguments.push(match purpose {
        Purpose::Describe => "--ignore-submodules=none",
        Purpose::Commit | Purpose::Overwrite => "--ignore-submodules=dirty",
    });
    if purpose == Purpose::Overwrite {
        arguments.push("--ignored");
    }
    // A look changes nothing, not even what the index knows of the files' times.
    let output = git.run_with(&arguments, &[], &[("GIT_OPTIONAL_LOCKS", "0")])?;
    // Two letters and a space stand before each path.
    let found = zero_split(&output).filter_map(|line| line.as_bytes().get(3..));
    let found = found.map(|path| PathBuf::from(OsStr::from_bytes(path)));
    // More paths than a command line takes may be asked for.
    let wanted: HashSet<&Path> = paths.iter().copied().collect();
    let is_wanted = |path: &PathBuf| wanted.is_empty() || path.ancestors().any(|part| wanted.contains(part));
    let mut found: Vec<_> = found.filter(is_wanted).collect();
    // New files come last from git.
    found.sort();
    Ok(found)
}

fn zero_split(output: &[u8]) -> impl Iterator<Item = &OsStr> {
    output.split(|byte| *byte == 0).filter(|part| !part.is_empty()).map(OsStr::from_bytes)
}
