//! Removing stored files from a pool: what is asked, what came of each, and what still uses one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{NotRefreshed, PoolClaim};

/// See [`crate::Step::RemoveCopies`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveCopies {
    /// The pool, which is checked to be the claimant's under its lock. Only files that the claim knows are removed.
    pub claim: PoolClaim,
    /// The files.
    pub files: Vec<StoredFile>,
    /// Directories on the node with machines' disks, which may stand on these files.
    pub users: Vec<PathBuf>,
    /// How far it goes.
    pub removal: Removal,
}

/// How far the removal of copies goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// Only what uses each is told; nothing is written.
    Look,
    /// What nothing uses is removed.
    Remove,
}

/// A file in a pool as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its name in the pool, one plain path component.
    pub file: String,
    /// Its length in bytes; none: it is known to be damaged, so any. One with another length is not removed.
    pub size: Option<u64>,
}

/// What came of a [`RemoveCopies`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedCopies {
    /// What became of each file, in the order of the question.
    pub files: Vec<RemovedCopy>,
    /// How many processes could not be looked at, because the helper is not root, or is confined: they may have a
    /// file open.
    pub unseen: usize,
    /// Why libvirt may still list what was removed.
    pub not_refreshed: Option<NotRefreshed>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemovedCopy {
    /// It is gone, and its directory is synced.
    Removed,
    /// It was not there.
    Missing,
    /// Of [`Removal::Look`]: nothing uses it.
    Unused,
    /// It is still there: this uses it. At most [`MOST_USES`] are named.
    Kept(Vec<FileUse>),
}

/// How many uses of one file are named.
pub const MOST_USES: usize = 8;

/// Why a stored file must stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileUse {
    /// A process has it open, or mapped into its memory.
    Process {
        /// Its number.
        pid: u32,
        /// Its name, as the kernel has it.
        command: String,
    },
    /// A disk stands on it: it is the disk's backing file or data file, or that of one below it.
    Disk(PathBuf),
    /// A disk names it in a way that is not understood here, or by a path that leads nowhere on this node.
    Named {
        /// The disk.
        disk: PathBuf,
    },
    /// A symbolic link leads to it.
    Link(PathBuf),
    /// It has so many names: what another one of them is for is not known.
    HardLinks(u64),
    /// A loop device shows it as a disk.
    Loop(String),
    /// The pool's `ays-images.json` offers it.
    Offered,
    /// It is no file, or has another length than the catalogue says: whose it is is not known.
    Other,
    /// Whether something uses it could not be told.
    NotTold {
        /// Where.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}
