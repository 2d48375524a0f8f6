//! The branch that is checked out, and the one of the remote that belongs to it.

use std::path::{Path, PathBuf};

use git2::{ErrorCode, Oid, Repository, RepositoryState};

use crate::address::{Address, AddressError};
use crate::git_error::GitError;
use crate::layout::NotFound;

/// Why the state of a clone does not allow it.
#[derive(Debug, thiserror::Error)]
pub enum BranchError {
    /// It is not in an environment.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// Git does not read it.
    #[error("{root} cannot be worked with as a git repository", root = .root.display())]
    Git {
        /// The clone.
        root: PathBuf,
        /// What git said.
        source: GitError,
    },
    /// A commit is checked out and no branch.
    #[error("no branch is checked out here: git switch BRANCH (git branch shows all)")]
    Detached,
    /// Something of git's own is under way.
    #[error("git is in the middle of a {what}: finish it, or git {what} --abort")]
    Unfinished {
        /// `merge`, `rebase`, ..
        what: &'static str,
    },
    /// There is nothing to push.
    #[error("there is no commit here yet")]
    NoCommit,
    /// There is nothing to pull from or push to.
    #[error("this repository has no remote `{name}`: git remote add {name} URL")]
    NoRemote {
        /// The name.
        name: String,
    },
    /// The remote's address is none.
    #[error("the remote `{name}`")]
    Address {
        /// The remote.
        name: String,
        /// Why.
        source: AddressError,
    },
}

/// What the branch of a repository without commits is called.
pub(crate) fn first_branch() -> String {
    let own = git2::Config::open_default().and_then(|config| config.get_string("init.defaultBranch"));
    own.ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "main".to_owned())
}

/// A clone that is opened.
pub(crate) struct Opened {
    pub root: PathBuf,
    pub repository: Repository,
}

/// The branch that is checked out.
#[derive(Debug)]
pub(crate) struct Branch {
    pub name: String,
    /// Its commit; none before the first.
    pub head: Option<Oid>,
    /// The remote's name.
    pub remote: String,
    /// The remote's branch.
    pub upstream: String,
}

impl Opened {
    pub fn new(root: &Path) -> Result<Self, BranchError> {
        let git = |source: git2::Error| BranchError::Git { root: root.to_owned(), source: source.into() };
        Ok(Self { root: root.to_owned(), repository: Repository::open(root).map_err(git)? })
    }

    pub fn git(&self, source: impl Into<GitError>) -> BranchError {
        BranchError::Git { root: self.root.clone(), source: source.into() }
    }

    /// The branch that is checked out.
    pub fn branch(&self) -> Result<Branch, BranchError> {
        let repository = &self.repository;
        let git = |error| self.git(error);
        if repository.head_detached().map_err(git)? {
            return Err(BranchError::Detached);
        }
        let head = repository.find_reference("HEAD").map_err(git)?;
        let full = head.symbolic_target().ok().flatten().unwrap_or_default().to_owned();
        let name = full.strip_prefix("refs/heads/").ok_or(BranchError::Detached)?.to_owned();
        let commit = match repository.head().and_then(|head| head.peel_to_commit()) {
            Ok(commit) => Some(commit.id()),
            Err(error) if error.code() == ErrorCode::UnbornBranch => None,
            Err(error) => return Err(git(error)),
        };
        let text = |buffer: git2::Buf| buffer.as_str().ok().map(str::to_owned);
        let remote = repository.branch_upstream_remote(&full).ok().and_then(text);
        let upstream = repository.branch_upstream_merge(&full).ok().and_then(text);
        let upstream = upstream.and_then(|name| Some(name.strip_prefix("refs/heads/")?.to_owned()));
        let (remote, upstream) = match (remote, upstream) {
            (Some(remote), Some(upstream)) => (remote, upstream),
            (remote, _) => (remote.unwrap_or_else(|| "origin".to_owned()), name.clone()),
        };
        Ok(Branch { name, head: commit, remote, upstream })
    }

    /// Nothing of git's own may be under way where files are about to be changed.
    pub fn is_at_rest(&self) -> Result<(), BranchError> {
        let what = match self.repository.state() {
            RepositoryState::Clean => return Ok(()),
            RepositoryState::Revert | RepositoryState::RevertSequence => "revert",
            RepositoryState::CherryPick | RepositoryState::CherryPickSequence => "cherry-pick",
            RepositoryState::Bisect => "bisect",
            RepositoryState::Rebase
            | RepositoryState::RebaseInteractive
            | RepositoryState::RebaseMerge
            | RepositoryState::ApplyMailbox
            | RepositoryState::ApplyMailboxOrRebase => "rebase",
            _ => "merge",
        };
        Err(BranchError::Unfinished { what })
    }

    /// What we know of the remote's branch since it was last asked.
    pub fn upstream(&self, branch: &Branch) -> Option<Oid> {
        let name = format!("refs/remotes/{}/{}", branch.remote, branch.upstream);
        self.repository
            .find_reference(&name)
            .and_then(|reference| reference.peel_to_commit())
            .ok()
            .map(|c| c.id())
    }

    /// Where to fetch from, and what goes where.
    pub fn fetch_from(&self, branch: &Branch) -> Result<(Address, Vec<String>), BranchError> {
        let remote = self.remote(branch)?;
        let specs = remote.fetch_refspecs().map_err(|error| self.git(error))?;
        let specs = specs.iter().filter_map(|spec| spec.ok().flatten()).map(str::to_owned).collect();
        Ok((self.address(branch, remote.url())?, specs))
    }

    /// Where to push to.
    pub fn push_to(&self, branch: &Branch) -> Result<Address, BranchError> {
        let remote = self.remote(branch)?;
        match remote.pushurl() {
            Ok(Some(url)) => self.address(branch, Ok(url)),
            _ => self.address(branch, remote.url()),
        }
    }

    fn remote(&self, branch: &Branch) -> Result<git2::Remote<'_>, BranchError> {
        let no_remote = |_| BranchError::NoRemote { name: branch.remote.clone() };
        self.repository.find_remote(&branch.remote).map_err(no_remote)
    }

    fn address(&self, branch: &Branch, url: Result<&str, git2::Error>) -> Result<Address, BranchError> {
        let url = url.map_err(|error| self.git(error))?;
        // A path is relative to the clone.
        let is_path = !url.contains(':') && !url.starts_with('/');
        let url = if is_path { self.root.join(url).display().to_string() } else { url.to_owned() };
        Address::parse(&url).map_err(|source| BranchError::Address { name: branch.remote.clone(), source })
    }
}

/// How many commits are only at `head`, and how many only at `upstream`.
pub(crate) fn distance(
    opened: &Opened,
    head: Option<Oid>,
    upstream: Oid,
) -> Result<(usize, usize), BranchError> {
    let git = |error| opened.git(error);
    match head {
        Some(head) => opened.repository.graph_ahead_behind(head, upstream).map_err(git),
        None => {
            let mut walk = opened.repository.revwalk().map_err(git)?;
            walk.push(upstream).map_err(git)?;
            Ok((0, walk.count()))
        }
    }
}
