//! Faults on purpose, which a rehearsal tries.

use std::str::FromStr;

use crate::words::words;

/// How a step goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It is not done.
    Fail,
    /// It is done, but nobody hears of it.
    Lost,
    /// The process that does it is killed: the helper; for what the controller itself does, the controller.
    Kill,
}

words!(FaultKind { Fail => "fail", Lost => "lost", Kill => "kill" });

/// A step that can go wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultStep {
    /// The connection to the node.
    Connect,
    /// Whose the node's pool is, is looked at.
    Owner,
    /// The node's tools and pool are checked.
    Check,
    /// Sources are asked.
    Ask,
    /// What a node has is looked at.
    Examine,
    /// A file is brought.
    Fetch,
    /// An image is converted into the pool.
    Store,
    /// A copy in the pool is looked at.
    Look,
    /// An image is looked into.
    Inspect,
    /// A disk's content is named.
    Digest,
    /// A pool is taken over from its owner.
    Adopt,
    /// The pool's index is written.
    Index,
    /// A file is removed.
    Remove,
    /// What a service will write is noted.
    Note,
    /// Something that a method asks for is done.
    Action,
    /// Processes are started, stopped or looked at.
    Processes,
    /// Files from git are written.
    Tree,
    /// Packages are brought.
    Packages,
    /// The catalogue records an image.
    Record,
    /// The catalogue records that a service is installed.
    Installed,
}

words!(FaultStep {
    Connect => "connect",
    Owner => "owner",
    Check => "check",
    Ask => "ask",
    Examine => "examine",
    Fetch => "fetch",
    Store => "store",
    Look => "look",
    Inspect => "inspect",
    Digest => "digest",
    Adopt => "adopt",
    Index => "index",
    Remove => "remove",
    Note => "note",
    Action => "action",
    Processes => "processes",
    Tree => "tree",
    Packages => "packages",
    Record => "record",
    Installed => "installed",
});

/// Which step goes wrong, and how: `STEP[:KIND]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultAt {
    /// As it was asked for: it need not be one of a [`FaultStep`].
    pub step: String,
    /// How.
    pub kind: FaultKind,
}

impl FromStr for FaultAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (step, kind) = text.split_once(':').unwrap_or((text, FaultKind::Fail.as_str()));
        let kind = kind.parse().map_err(|_| "the kind of fault is one of fail, lost, kill")?;
        Ok(Self { step: step.to_owned(), kind })
    }
}
