//! What git says of the files that are checked out.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::Repository;

use crate::address::Address;
use crate::differing::{Purpose, differing};
use crate::git_error::GitError;

/// Why a repository cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{root} cannot be read as a git repository", root = .root.display())]
pub struct CheckoutError {
    /// The repository.
    pub root: PathBuf,
    /// What git said.
    pub source: GitError,
}

/// An environment's files at the commit that was checked out when this was opened.
#[derive(Clone)]
pub struct Checkout {
    root: PathBuf,
    name: Option<String>,
    remote: Option<String>,
    commit: Option<String>,
    committed_at: Option<i64>,
    /// Git reads it for one at a time.
    repository: Arc<Mutex<Repository>>,
}

impl Checkout {
    /// Opens the repository whose root this is, as [`crate::root_of`] finds it.
    pub fn open(root: &Path) -> Result<Self, CheckoutError> {
        let open = Repository::open(root);
        let repository =
            open.map_err(|source| CheckoutError { root: root.to_owned(), source: source.into() })?;
        let remote = repository.find_remote("origin").ok();
        let url = remote.as_ref().and_then(|remote| remote.url().ok());
        let name = url.and_then(repository_name);
        let url = url.map(without_password);
        let head = repository.head().and_then(|head| head.peel_to_commit()).ok();
        let commit = head.as_ref().map(|commit| commit.id().to_string());
        let committed_at = head.as_ref().map(|commit| commit.time().seconds());
        drop(head);
        drop(remote);
        let repository = Arc::new(Mutex::new(repository));
        Ok(Self { root: root.to_owned(), name, remote: url, commit, committed_at, repository })
    }

    /// The address of its remote, without a password; none where it has no remote.
    pub fn remote(&self) -> Option<&str> {
        self.remote.as_deref()
    }

    /// The commit that was checked out, and when it was committed, in seconds since 1970; none before the first.
    pub fn commit(&self) -> Option<(&str, i64)> {
        self.commit.as_deref().zip(self.committed_at)
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The repository's name from its remote, else its directory's.
    pub fn name(&self) -> String {
        let directory = || self.root.file_name().map(|name| name.display().to_string());
        self.name.clone().or_else(directory).unwrap_or_else(|| "environment".to_owned())
    }

    /// The commit that the files below a directory are from, marked where they were changed since; none before the first.
    pub fn commit_of(&self, dir: &Path) -> Result<Option<String>, CheckoutError> {
        let Some(commit) = &self.commit else { return Ok(None) };
        let below = [dir.strip_prefix(&self.root).unwrap_or(dir)];
        let changed = differing(&self.root, &self.repository(), &below, Purpose::Describe)
            .map_err(|source| CheckoutError { root: self.root.clone(), source })?;
        Ok(Some(format!("{commit}{}", if changed.is_empty() { "" } else { " with local changes" })))
    }

    /// Whether git leaves a path of the repository out.
    pub fn ignores(&self, path: &Path) -> bool {
        self.repository().is_path_ignored(path).unwrap_or(false)
    }

    fn repository(&self) -> MutexGuard<'_, Repository> {
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Checkout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkout").field("root", &self.root).field("commit", &self.commit).finish()
    }
}

/// `https://host/a/name.git`, `git@host:a/name.git` and `/path/name` are all `name`.
fn repository_name(url: &str) -> Option<String> {
    let name = url.trim_end_matches('/').rsplit(['/', ':']).next()?.trim_end_matches(".git");
    (!name.is_empty()).then(|| name.to_owned())
}

/// An address as it may be shown and kept.
fn without_password(url: &str) -> String {
    match Address::parse(url) {
        Ok(address) => address.as_str().to_owned(),
        // Git may know ways that are not known here; whatever stands before the host is left out.
        Err(_) => url.rsplit_once('@').map_or(url, |(_, rest)| rest).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_the_name_of_the_remote_repository() {
        for (url, name) in [
            ("https://git.aydo.com/openvcloudEnvironments/g8.git", "g8"),
            ("git@git.aydo.com:openvcloudEnvironments/g8.git", "g8"),
            ("/srv/git/g8/", "g8"),
        ] {
            assert_eq!(repository_name(url).as_deref(), Some(name));
        }
    }
}
