//! A clone: complete under its name, or not there at all.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{Direction, ErrorCode, Oid, Repository, RepositoryInitOptions};

use crate::access::Access;
use crate::address::Address;
use crate::branch::first_branch;
use crate::git_error::GitError;
use crate::needs;
use crate::remote::Link;
use crate::remote_error::RemoteError;
use crate::user_git::{UserGit, UserGitError};

/// Why there is no clone.
#[derive(Debug, thiserror::Error)]
pub enum CloneError {
    /// Something is there already.
    #[error("{dir} is there and not empty: in a clone, ays env pull brings it up to date; else name another directory", dir = .dir.display())]
    Occupied {
        /// The directory.
        dir: PathBuf,
    },
    /// Another clone is being made in the same place.
    #[error("{dir} is being cloned by somebody else", dir = .dir.display())]
    Busy {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be made.
    #[error("{dir} cannot be made", dir = .dir.display())]
    Unwritable {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The remote has branches and does not say which is the main one.
    #[error("the remote does not say which of its branches is the main one: git clone -b BRANCH {address}")]
    NoBranch {
        /// The remote.
        address: String,
    },
    /// The remote could not be read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// What came could not be made a clone.
    #[error("{dir} could not be filled", dir = .dir.display())]
    Git {
        /// The directory.
        dir: PathBuf,
        /// What git said.
        source: GitError,
    },
}

/// A clone that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloned {
    /// The branch that is checked out; none where the remote is empty.
    pub branch: Option<String>,
    /// Its commit.
    pub commit: Option<String>,
    /// Whether it has `servicetemplates/`.
    pub is_environment: bool,
}

/// Clones a repository into a directory that is not there, or empty. Its parent must be there.
pub fn clone(address: &Address, dir: &Path, access: &Access) -> Result<Cloned, CloneError> {
    // `.` cannot be renamed to.
    let is_taken = dir.file_name().is_none()
        || match std::fs::read_dir(dir) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => dir.symlink_metadata().is_ok(),
        };
    if is_taken {
        return Err(CloneError::Occupied { dir: dir.to_owned() });
    }
    let partial = Partial::new(dir)?;
    let cloned = fill(address, &partial.path, dir, access)?;
    std::fs::rename(&partial.path, dir)
        .map_err(|source| CloneError::Unwritable { dir: dir.to_owned(), source })?;
    Ok(cloned)
}

/// Takes away what a clone to `dir` that does not end has brought so far.
pub fn discard_partial(dir: &Path) {
    // What is left is taken away by the next one.
    let _ = std::fs::remove_dir_all(partial_path(dir));
}

fn partial_path(dir: &Path) -> PathBuf {
    let name = dir.file_name().map(|name| name.display().to_string()).unwrap_or_default();
    dir.with_file_name(format!(".{name}.ays-part"))
}

/// A directory beside the one that is to be, locked by its writer; it goes when it was not renamed.
struct Partial {
    path: PathBuf,
    _lock: File,
}

impl Partial {
    fn new(dir: &Path) -> Result<Self, CloneError> {
        let path = partial_path(dir);
        let unwritable = |source| CloneError::Unwritable { dir: dir.to_owned(), source };
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(unwritable(error)),
            _ => {}
        }
        let lock = File::open(&path).map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CloneError::Busy { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unwritable(source)),
        }
        let partial = Self { path, _lock: lock };
        // What one left that was killed.
        for entry in std::fs::read_dir(&partial.path).map_err(unwritable)? {
            let entry = entry.map_err(unwritable)?;
            let is_dir = entry.file_type().map_err(unwritable)?.is_dir();
            let remove = if is_dir { std::fs::remove_dir_all } else { std::fs::remove_file };
            remove(entry.path()).map_err(unwritable)?;
        }
        Ok(partial)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Makes the clone in `partial`; errors are of `dir`.
fn fill(address: &Address, partial: &Path, dir: &Path, access: &Access) -> Result<Cloned, CloneError> {
    let git = |source: git2::Error| CloneError::Git { dir: dir.to_owned(), source: source.into() };
    let mut options = RepositoryInitOptions::new();
    options.no_reinit(true).initial_head(&first_branch());
    let repository = Repository::init_opts(partial, &options).map_err(git)?;
    // It gives the remote the refspecs that every clone has.
    drop(repository.remote("origin", address.as_str()).map_err(git)?);
    let rewritten = rewritten(address, &repository).map_err(git)?;
    let link = Link::new(rewritten.as_ref().unwrap_or(address), &repository, access)?;
    let specs = ["+refs/heads/*:refs/remotes/origin/*".to_owned()];
    let main = link.connected(&repository, Direction::Fetch, |connection| {
        let main = link.default_branch(connection)?;
        link.fetch(connection, &specs)?;
        Ok::<_, RemoteError>(main)
    })?;
    let found =
        |name: &str| -> Option<Oid> { repository.refname_to_id(&format!("refs/remotes/origin/{name}")).ok() };
    let main = main.as_deref().and_then(|name| name.strip_prefix("refs/heads/"));
    let names = main.into_iter().chain(["main", "master"]);
    let Some((name, commit)) = names.into_iter().find_map(|name| Some((name.to_owned(), found(name)?)))
    else {
        let is_empty = repository.references().map_err(git)?.next().is_none();
        return match is_empty {
            true => Ok(Cloned { branch: None, commit: None, is_environment: false }),
            false => Err(CloneError::NoBranch { address: address.to_string() }),
        };
    };
    switch_to(&repository, &name, commit).map_err(git)?;
    check_out(&repository, partial, commit, access).map_err(|source| not_filled(dir, source))?;
    let is_environment = partial.join("servicetemplates").is_dir();
    Ok(Cloned { branch: Some(name), commit: Some(commit.to_string()), is_environment })
}

/// Where `url.<base>.insteadOf` leads instead, as far as that is an address.
fn rewritten(address: &Address, repository: &Repository) -> Result<Option<Address>, git2::Error> {
    let remote = repository.find_remote("origin")?;
    let url = remote.url()?;
    Ok(if url == address.as_str() { None } else { Address::parse(url).ok() })
}

fn not_filled(dir: &Path, source: GitError) -> CloneError {
    match source {
        GitError::User(UserGitError::Interrupted) => RemoteError::Interrupted.into(),
        source => CloneError::Git { dir: dir.to_owned(), source },
    }
}

/// Makes the branch, and lets it be the one that is checked out.
fn switch_to(repository: &Repository, name: &str, commit: Oid) -> Result<(), git2::Error> {
    let full = format!("refs/heads/{name}");
    let head = format!("refs/remotes/origin/{name}");
    repository.reference_symbolic("refs/remotes/origin/HEAD", &head, true, "ays: clone")?;
    let mut branch = repository.branch(name, &repository.find_commit(commit)?, false)?;
    branch.set_upstream(Some(&format!("origin/{name}")))?;
    match repository.set_head(&full) {
        Err(error) if error.code() != ErrorCode::UnbornBranch => Err(error),
        _ => Ok(()),
    }
}

fn check_out(repository: &Repository, root: &Path, commit: Oid, access: &Access) -> Result<(), GitError> {
    let tree = repository.find_commit(commit)?.tree()?;
    match needs::to_check_out(repository, &tree, "post-checkout")? {
        Some(need) => {
            let git = UserGit { root, need, stop: &access.stop };
            git.run(&["checkout", "-q", "-f"], &[])?;
        }
        None => repository.checkout_head(Some(CheckoutBuilder::new().force()))?,
    }
    Ok(())
}
