//! Where a recipe is installed.

use crate::{Node, Pool};

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
    pub fn name(&self) -> &str {
        match self {
            Self::Node(node) => &node.name,
            Self::Local(_) => Node::LOCAL,
        }
    }

    /// Its grid.
    pub fn gid(&self) -> u32 {
        match self {
            Self::Node(node) => node.gid,
            Self::Local(_) => 1,
        }
    }

    /// Where its templates are kept.
    pub fn pool(&self) -> &Pool {
        match self {
            Self::Node(node) => &node.pool,
            Self::Local(pool) => pool,
        }
    }
}
