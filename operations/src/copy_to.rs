//! Which pools an image is copied to.

use std::collections::BTreeSet;

use ays_model::{Gid, NodeName, PoolKey, PoolName, Target};
use ays_recipes::LookupError;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// Where an image is copied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CopyTo {
    /// The pool of this name in the image's grid; where nodes do not share it, that of each of them.
    Pool(PoolName),
    /// The pools of these nodes.
    Nodes(Vec<NodeName>),
    /// All pools of this grid.
    Grid(Gid),
}

#[derive(Debug, thiserror::Error)]
#[error("grid {0} has no pool: no node of the environment is in it")]
struct EmptyGrid(Gid);

impl CopyTo {
    /// One node of each pool that is meant.
    pub(crate) fn targets(&self, all: &[Target], own: Gid) -> Result<Vec<Target>, Error> {
        let mut meant: Vec<&Target> = match self {
            Self::Pool(name) => {
                let of_grid = || all.iter().filter(|target| target.gid() == own);
                let meant: Vec<_> = of_grid().filter(|target| target.pool().name == *name).collect();
                if meant.is_empty() {
                    let names: BTreeSet<&str> = of_grid().map(|target| target.pool().name.as_str()).collect();
                    return Err(LookupError::unknown("pool", name.as_str(), names).into());
                }
                meant
            }
            Self::Nodes(names) => {
                let find = |name: &NodeName| {
                    let names = all.iter().map(|target| target.name().as_str());
                    let unknown = || Error::from(LookupError::unknown("node", name.as_str(), names));
                    all.iter().find(|target| target.name() == name).ok_or_else(unknown)
                };
                names.iter().map(find).collect::<Result<_, _>>()?
            }
            // This machine is of the grid that names none, but it is no part of a site.
            Self::Grid(gid) => {
                let is_of_it = |target: &&Target| target.gid() == *gid && matches!(target, Target::Node(_));
                let meant: Vec<_> = all.iter().filter(is_of_it).collect();
                if meant.is_empty() {
                    return Err(Error::new(Kind::Unknown, EmptyGrid(*gid)));
                }
                meant
            }
        };
        let mut seen: Vec<PoolKey> = Vec::new();
        meant.retain(|target| {
            let is_new = !seen.contains(&target.pool_key());
            seen.push(target.pool_key());
            is_new
        });
        Ok(meant.into_iter().cloned().collect())
    }
}
