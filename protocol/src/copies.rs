//! A stored file that is passed on from pool to pool.

use std::path::PathBuf;

use ays_model::Digest;
use serde::{Deserialize, Serialize};

use crate::{Share, Stamp};

/// A node's part in passing a stored file on. What is said meanwhile is as in a shared fetch, see [`Share`]: who gives
/// leads, and reads its own file. Holes, and zeros that are a hole's size, are not sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PassCopy {
    /// The file in this node's pool.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// What it must have: whoever gives verifies that before, and whoever takes before the file has its name.
    pub digest: Digest,
    /// The other nodes.
    pub share: Share,
}

/// A file that is as it should be on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedCopy {
    /// In bytes.
    pub size: u64,
    /// It was there already: nothing was brought.
    pub kept: bool,
    /// Where an interrupted transfer was taken up again, in bytes; 0 when it began at its start.
    pub resumed_at: u64,
    /// Bytes that came from other nodes.
    pub received: u64,
    /// The file as it was when it was verified.
    pub stamp: Stamp,
}
