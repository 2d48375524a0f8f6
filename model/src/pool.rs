//! Pools: where templates are kept.

use std::path::PathBuf;

use crate::DiskFormat;

/// A directory on nodes in which templates are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// The directory on the node.
    pub path: PathBuf,
    /// What its files are.
    pub format: DiskFormat,
    /// Whether all nodes of a grid that name it see the same directory.
    pub shared: bool,
}
