//! Pools: where templates are kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{DiskFormat, Gid, NodeName, PoolName, UserName};

/// A directory on nodes in which templates are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// The directory on the node.
    pub path: PathBuf,
    /// What its files are.
    pub format: DiskFormat,
    /// Whether all nodes of a grid that name it see the same directory.
    pub shared: bool,
    /// The user of the nodes' systems whose processes read it, such as `libvirt-qemu`; none: nobody is named.
    pub user: Option<UserName>,
    /// Directories of the nodes with machines' disks, which may stand on its files.
    pub users: Vec<PathBuf>,
}

/// A pool among those of all nodes. Another path is another pool: what the old one holds is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PoolKey {
    /// The grid.
    pub gid: Gid,
    /// Its name in the environment's settings.
    pub name: PoolName,
    /// Whose disk it is; none: all nodes that name it share it.
    pub node: Option<NodeName>,
    /// Its directory on the nodes.
    pub path: String,
}
