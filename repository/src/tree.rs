//! The files of a repository at a commit, brought into a cache of ours: no clone, nothing is checked out.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use git2::{Direction, ObjectType, Oid, Repository};

use crate::access::Access;
use crate::address::Address;
use crate::git_error::GitError;
use crate::remote::Link;
use crate::remote_error::RemoteError;

/// Which commit of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Which {
    /// That of its main branch.
    Main,
    /// That of a branch.
    Branch(String),
    /// That of a tag.
    Tag(String),
    /// This one, by its hash.
    Commit(String),
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Main => f.write_str("main branch"),
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Commit(hash) => write!(f, "commit {hash}"),
        }
    }
}

/// Why there are no files.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The remote could not be read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The cache cannot be used.
    #[error("{dir} cannot be used", dir = .dir.display())]
    Cache {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The remote has no such branch, tag or commit.
    #[error("{address} has no {which}")]
    NoSuchCommit {
        /// The remote.
        address: String,
        /// What was looked for.
        which: Which,
    },
    /// The commit has no such path.
    #[error("{address}: commit {commit} has no {path}")]
    NoSuchPath {
        /// The remote.
        address: String,
        /// The commit.
        commit: String,
        /// What was looked for.
        path: String,
    },
    /// What is there cannot be taken to a node.
    #[error("{address}: {path} {problem}")]
    Unfit {
        /// The remote.
        address: String,
        /// Where.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What came could not be read.
    #[error("{address}: its files cannot be read")]
    Git {
        /// The remote.
        address: String,
        /// What git said.
        source: GitError,
    },
}

/// What a file of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A file.
    File,
    /// A program.
    Program,
    /// A symbolic link; its bytes are what it leads to.
    Link,
}

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Where it is below the directory that was asked for; empty: it was asked for itself.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    id: Oid,
}

/// The files of a repository at a commit.
pub struct FetchedTree {
    /// The commit.
    pub commit: String,
    /// In the order of their paths.
    pub files: Vec<TreeFile>,
    repository: Mutex<Repository>,
    address: String,
}

/// What is wanted of a repository.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The repository.
    pub address: &'a Address,
    /// Which commit.
    pub which: &'a Which,
    /// How many commits are fetched at the most; none: what the server gives.
    pub depth: Option<u32>,
    /// The path in the repository; empty: all of it.
    pub path: &'a str,
    /// Whether directories below that are left out.
    pub is_flat: bool,
}

impl FetchedTree {
    /// Brings the commit into the cache, where that does not have it, and lists its files.
    pub fn fetch(wanted: Wanted<'_>, cache: &Path, access: &Access) -> Result<Self, TreeError> {
        let Wanted { address, which, .. } = wanted;
        let unusable = |source| TreeError::Cache { dir: cache.to_owned(), source };
        std::fs::create_dir_all(cache).map_err(unusable)?;
        // One at a time brings what several need.
        let lock = File::create(cache.join("ays.lock")).map_err(unusable)?;
        wait_for(&lock).map_err(unusable)?;
        let git =
            |source: git2::Error| TreeError::Git { address: address.to_string(), source: source.into() };
        let repository = match Repository::open_bare(cache) {
            Ok(repository) => repository,
            Err(_) => Repository::init_bare(cache).map_err(git)?,
        };
        let commit = bring(wanted, &repository, access)?;
        let none = || TreeError::NoSuchCommit { address: address.to_string(), which: which.clone() };
        let commit = commit.ok_or_else(none)?;
        let found = repository.find_object(commit, None).and_then(|object| object.peel_to_commit());
        let found = found.map_err(|_| none())?;
        let commit = found.id().to_string();
        let files = list(wanted, &repository, &found, &commit)?;
        drop(found);
        Ok(Self { commit, files, repository: Mutex::new(repository), address: address.to_string() })
    }

    /// The bytes of a file, by its number.
    pub fn read(&self, number: usize) -> Result<Vec<u8>, TreeError> {
        let git =
            |source: git2::Error| TreeError::Git { address: self.address.clone(), source: source.into() };
        let repository = self.repository.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = self.files.get(number) else { return Ok(Vec::new()) };
        let odb = repository.odb().map_err(git)?;
        let (size, _) = odb.read_header(file.id).map_err(git)?;
        if size > MOST_BYTES {
            let (address, path) = (self.address.clone(), file.path.display().to_string());
            return Err(TreeError::Unfit { address, path, problem: TOO_LARGE });
        }
        let blob = repository.find_blob(file.id).map_err(git)?;
        Ok(blob.content().to_owned())
    }
}

/// What is called so was wanted last; the lock on the cache makes it one at a time.
const WANTED: &str = "refs/ays/wanted";

/// What was wanted before is not to be taken for what is wanted now, and a branch `x` that was there before is in the way
/// of a branch `x/y`.
fn make_way(repository: &Repository) -> Result<(), git2::Error> {
    if let Ok(last) = repository.refname_to_id(WANTED) {
        // The server sends only what that does not have.
        repository.reference("refs/ays/before", last, true, "ays")?;
        repository.find_reference(WANTED)?.delete()?;
    }
    for reference in repository.references_glob("refs/ays/heads/*")? {
        reference?.delete()?;
    }
    Ok(())
}

/// How long another run may take with the cache: one whose server is silent must not stop all later ones.
const LOCK_LIMIT: Duration = Duration::from_secs(15 * 60);

fn wait_for(lock: &File) -> std::io::Result<()> {
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() > LOCK_LIMIT => {
                let message = format!("another run has had it for {LOCK_LIMIT:?}");
                return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, message));
            }
            // The kernel tells nobody who waits with a limit.
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Brings what is wanted; the commit, or the tag that names it.
fn bring(wanted: Wanted<'_>, repository: &Repository, access: &Access) -> Result<Option<Oid>, TreeError> {
    let Wanted { address, which, depth, .. } = wanted;
    if let Which::Commit(hash) = which
        && let Ok(id) = Oid::from_str(hash)
        && repository.find_commit(id).is_ok()
    {
        return Ok(Some(id));
    }
    make_way(repository)
        .map_err(|source| TreeError::Git { address: address.to_string(), source: source.into() })?;
    let link = Link::new(address, repository, access)?;
    let name = link.connected(repository, Direction::Fetch, |connection| {
        let (spec, name) = match which {
            Which::Main => match link.default_branch(connection)? {
                Some(main) => (format!("+{main}:{WANTED}"), WANTED),
                None => return Ok(None),
            },
            Which::Branch(name) => (format!("+refs/heads/{name}:{WANTED}"), WANTED),
            Which::Tag(name) => (format!("+refs/tags/{name}:{WANTED}"), WANTED),
            // Any branch may have it.
            Which::Commit(hash) => ("+refs/heads/*:refs/ays/heads/*".to_owned(), hash.as_str()),
        };
        // What is on this machine has it all.
        let depth = depth.filter(|_| !matches!(which, Which::Commit(_)) && !address.is_local());
        link.fetch_depth(connection, &[spec], depth)?;
        Ok::<_, RemoteError>(Some(name))
    })?;
    Ok(name.and_then(|name| match which {
        Which::Commit(hash) => Oid::from_str(hash).ok(),
        _ => repository.refname_to_id(name).ok(),
    }))
}

/// The files below the path, or the one that it is.
fn list(
    wanted: Wanted<'_>,
    repository: &Repository,
    commit: &git2::Commit<'_>,
    hash: &str,
) -> Result<Vec<TreeFile>, TreeError> {
    let Wanted { address, path, is_flat, .. } = wanted;
    let git = |source: git2::Error| TreeError::Git { address: address.to_string(), source: source.into() };
    let root = commit.tree().map_err(git)?;
    let tree = if path.is_empty() {
        root
    } else {
        let entry = root.get_path(Path::new(path)).map_err(|_| TreeError::NoSuchPath {
            address: address.to_string(),
            commit: hash.to_owned(),
            path: path.to_owned(),
        })?;
        match entry.kind() {
            Some(ObjectType::Tree) => repository.find_tree(entry.id()).map_err(git)?,
            Some(ObjectType::Blob) => {
                let kind = kind(entry.filemode());
                return Ok(vec![TreeFile { path: PathBuf::new(), kind, id: entry.id() }]);
            }
            _ => return Err(unfit(address, path, SUBMODULE)),
        }
    };
    let mut files = Vec::new();
    let mut left = MOST_ENTRIES;
    below(&tree, Path::new(""), repository, wanted, (&mut files, &mut left))?;
    if is_flat {
        files.retain(|file| file.path.components().count() == 1);
    }
    Ok(files)
}

/// A repository can have the same directory ten times in each of its directories: what it says to hold is bounded.
const MOST_ENTRIES: usize = 50_000;
const DEEPEST: usize = 64;
/// The most bytes of a file: it is held in memory while it is hashed, and while it is sent.
const MOST_BYTES: usize = 256 << 20;

const SUBMODULE: &str = "is a submodule, which is a repository of its own: export that";

const TOO_MANY: &str = "comes after 50000 other files and directories: export a part of the repository";
const TOO_DEEP: &str = "lies below 64 other directories: export a part of the repository";
const TOO_LARGE: &str = "has more than 256 MiB: fetch it by `web.export`";

fn below(
    tree: &git2::Tree<'_>,
    directory: &Path,
    repository: &Repository,
    wanted: Wanted<'_>,
    (files, left): (&mut Vec<TreeFile>, &mut usize),
) -> Result<(), TreeError> {
    let address = wanted.address;
    let git = |source: git2::Error| TreeError::Git { address: address.to_string(), source: source.into() };
    for entry in tree {
        let Ok(name) = entry.name() else {
            return Err(unfit(address, &directory.display().to_string(), "has a file whose name is no text"));
        };
        // What git itself would never write, a server may.
        if matches!(name, "" | "." | "..") || name.contains('/') || name.eq_ignore_ascii_case(".git") {
            return Err(unfit(address, &directory.display().to_string(), "has a file whose name is a way"));
        }
        let path = directory.join(name);
        *left = left.checked_sub(1).ok_or_else(|| unfit(address, &path.display().to_string(), TOO_MANY))?;
        match entry.kind() {
            Some(ObjectType::Blob) => {
                files.push(TreeFile { path, kind: kind(entry.filemode()), id: entry.id() });
            }
            Some(ObjectType::Tree) if wanted.is_flat => {}
            Some(ObjectType::Tree) => {
                if path.components().count() > DEEPEST {
                    return Err(unfit(address, &path.display().to_string(), TOO_DEEP));
                }
                let inner = repository.find_tree(entry.id()).map_err(git)?;
                below(&inner, &path, repository, wanted, (&mut *files, &mut *left))?;
            }
            _ => return Err(unfit(address, &path.display().to_string(), SUBMODULE)),
        }
    }
    Ok(())
}

fn unfit(address: &Address, path: &str, problem: &'static str) -> TreeError {
    TreeError::Unfit { address: address.to_string(), path: path.to_owned(), problem }
}

/// By git's own numbers.
fn kind(mode: i32) -> FileKind {
    match mode {
        0o120_000 => FileKind::Link,
        0o100_755 => FileKind::Program,
        _ => FileKind::File,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: i32 = 0o040_000;

    /// Lists a repository whose directories have, each in the next, these numbers of names for one file or directory.
    fn listed(widths: &[usize]) -> Result<usize, TreeError> {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(directory.path()).unwrap();
        let (mut id, mut mode) = (repository.blob(b"x").unwrap(), 0o100_644);
        for width in widths.iter().rev() {
            let mut tree = repository.treebuilder(None).unwrap();
            for number in 0..*width {
                tree.insert(format!("{number}"), id, mode).unwrap();
            }
            (id, mode) = (tree.write().unwrap(), TREE);
        }
        let tree = repository.find_tree(id).unwrap();
        let by = git2::Signature::now("a", "a@example.org").unwrap();
        let commit = repository.commit(None, &by, &by, "x", &tree, &[]).unwrap();
        let commit = repository.find_commit(commit).unwrap();
        let address = Address::parse("https://example.org/x").unwrap();
        let wanted = Wanted { address: &address, which: &Which::Main, depth: None, path: "", is_flat: false };
        list(wanted, &repository, &commit, "x").map(|files| files.len())
    }

    #[test]
    fn a_repository_that_unfolds_without_end_is_refused() {
        assert_eq!(listed(&[3, 3, 3]).unwrap(), 27);
        let problem = |widths: &[usize]| match listed(widths) {
            Err(TreeError::Unfit { problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(problem(&[10; 10]), TOO_MANY);
        // Directories alone count too.
        assert_eq!(problem(&[&[10; 10][..], &[0]].concat()), TOO_MANY);
        assert_eq!(listed(&[1; DEEPEST]).unwrap(), 1);
        assert_eq!(problem(&[1; 100_000]), TOO_DEEP);
    }
}
