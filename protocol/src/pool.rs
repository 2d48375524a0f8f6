//! Whose a pool is: what the node is told, what it finds, and why it refuses.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ays_model::{NodeName, PoolName, PoolOwner};
use serde::{Deserialize, Serialize};

/// A pool on a node, and who wants to write into it. A pool with a mark is its owner's; one without is taken, unless its
/// index names a file that is not `known`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolClaim {
    /// Its directory.
    pub path: PathBuf,
    /// Its name, for messages.
    pub pool: PoolName,
    /// The node's name, for messages.
    pub node: NodeName,
    /// Who wants to write into it.
    pub owner: PoolOwner,
    /// The names of the files in it that the owner's catalogue knows.
    pub known: Vec<String>,
}

/// What lies in a pool that says whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSeen {
    /// Its mark.
    pub mark: PoolMark,
    /// Its `ays-images.json`; none where there is no such file. What is no UTF-8 in it is replaced.
    pub index: Option<String>,
}

/// The mark of a pool's owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolMark {
    /// Nobody has taken the pool.
    Missing,
    /// It is this one's.
    Of(PoolOwner),
    /// There is a mark, and it does not say whose.
    Unreadable(String),
}

/// See [`crate::Step::AdoptPool`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdoptPool {
    /// The pool, and whose it becomes.
    pub claim: PoolClaim,
    /// What was seen of it before: where it is not so any more, nothing is done.
    pub seen: PoolSeen,
}

/// What an index was before it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexBefore {
    /// The same: nothing was written.
    Same,
    /// Not there.
    Missing,
    /// Something else.
    Other,
}

/// See [`crate::Step::WriteIndex`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenIndex {
    /// What it was before.
    pub before: IndexBefore,
    /// Why libvirt may not see what has changed.
    pub not_refreshed: Option<NotRefreshed>,
}

impl From<IndexBefore> for WrittenIndex {
    fn from(before: IndexBefore) -> Self {
        Self { before, not_refreshed: None }
    }
}

/// Why libvirt may not see what has changed in a pool, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NotRefreshed {
    /// It did not say which storage pools it has.
    #[error(
        "libvirt on the node did not say within {waited:?} whether {} is one of its storage pools. Look why libvirtd does not \
         answer; then `virsh pool-refresh` lets it see what has changed",
        .path.display()
    )]
    Unknown {
        /// The pool's directory.
        path: PathBuf,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It did not look at its storage pool again.
    #[error(
        "libvirt's storage pool {pool} of the same directory was not refreshed: {reason}. On the node, \
         `virsh -c {uri} pool-refresh --pool={pool}` lets libvirt see what has changed"
    )]
    Failed {
        /// The storage pool's name.
        pool: String,
        /// Where libvirt answers.
        uri: String,
        /// Why not.
        reason: String,
    },
}

/// Whose a pool is that the claimant may not write into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// It has another owner.
    Owner(PoolOwner),
    /// It has no mark, and its index names these files, which the catalogue does not know.
    Unknown(Vec<String>),
    /// It cannot be told whose it is.
    Unreadable {
        /// The file that would tell.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A pool that the claimant may not write into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOurs {
    /// The pool's name.
    pub pool: PoolName,
    /// The node.
    pub node: NodeName,
    /// The pool's directory.
    pub path: PathBuf,
    /// Whose it is.
    pub whose: Whose,
}

impl fmt::Display for NotOurs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pool, node, path, whose } = self;
        write!(
            f,
            "pool {pool} of {node}, {}, {whose}: `ays pool adopt {pool} --targetname {node}` takes it over with what is \
             there; another directory for it in ays.toml keeps both apart",
            path.display()
        )
    }
}

/// How many files a message names.
const NAMED: usize = 3;

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(owner) => write!(f, "belongs to {owner}"),
            Self::Unknown(files) => {
                let named = files.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if files.len() > NAMED { ", .." } else { "" };
                write!(f, "has no owner's mark, and its ays-images.json names {named}{more}, unknown here")
            }
            Self::Unreadable { file, reason } => {
                write!(f, "does not say whose it is: its {file} cannot be read: {reason}")
            }
        }
    }
}
