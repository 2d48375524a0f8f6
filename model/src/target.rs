//! Where a recipe is installed.

use std::sync::LazyLock;

use crate::{Gid, Node, NodeName, Pool, PoolKey};

static LOCAL: LazyLock<NodeName> = LazyLock::new(|| Node::LOCAL.into());

/// A node of the environment, or this machine.
#[derive(Debug, Clone)]
pub enum Target {
    /// Over SSH.
    Node(Box<Node>),
    /// This machine, without SSH, with the environment's pool `local`.
    Local(Pool),
}

impl Target {
    /// Its name.
    pub fn name(&self) -> &NodeName {
        match self {
            Self::Node(node) => &node.name,
            Self::Local(_) => &LOCAL,
        }
    }

    /// Its grid.
    pub fn gid(&self) -> Gid {
        match self {
            Self::Node(node) => node.gid,
            Self::Local(_) => Gid::default(),
        }
    }

    /// Where its templates are kept.
    pub fn pool(&self) -> &Pool {
        match self {
            Self::Node(node) => &node.pool,
            Self::Local(pool) => pool,
        }
    }

    /// That pool among those of all nodes.
    pub fn pool_key(&self) -> PoolKey {
        let pool = self.pool();
        PoolKey {
            gid: self.gid(),
            name: pool.name.clone(),
            node: (!pool.shared).then(|| self.name().clone()),
            path: pool.path.display().to_string(),
        }
    }
}
