//! What a run keeps others from working on.

use std::fmt;

use crate::{Gid, ImageName, InstanceName, NodeName, PoolKey, PoolName, TemplateName};

/// What a run keeps others from working on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockScope {
    /// A service instance on a node.
    Service {
        /// Its template.
        template: TemplateName,
        /// Its name.
        instance: InstanceName,
        /// The node.
        node: NodeName,
    },
    /// A service instance in a pool that nodes share.
    Pool {
        /// Its template.
        template: TemplateName,
        /// Its name.
        instance: InstanceName,
        /// The pool's grid.
        gid: Gid,
        /// The pool.
        pool: PoolName,
    },
    /// Where an image is to be: one at a time says so, and brings it there.
    Availability {
        /// Its grid.
        gid: Gid,
        /// Its name.
        image: ImageName,
    },
    /// Which stored files a pool has: while one is recorded, none is removed.
    Files(PoolKey),
    /// A publication, by its number, and all that it makes at its cloud.
    Publication(i64),
}

impl fmt::Display for LockScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { template, instance, node } => write!(f, "{template}/{instance} on {node}"),
            Self::Pool { template, instance, gid, pool } => {
                write!(f, "{template}/{instance} in pool {gid}/{pool}")
            }
            Self::Availability { gid, image } => write!(f, "the availability of {image} in grid {gid}"),
            Self::Publication(number) => write!(f, "publication {number}"),
            Self::Files(PoolKey { gid, name, node, path }) => {
                write!(f, "files of pool {gid}/{name}, {path}")?;
                node.as_ref().map_or(Ok(()), |node| write!(f, " on {node}"))
            }
        }
    }
}
