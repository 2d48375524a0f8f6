//! An install of a recipe on nodes: what is to be done, and what the nodes have in common. `run_nodes.rs` runs it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use ays_catalogue::{Catalogue, Lock};
use ays_model::{PoolKey, PoolOwner, SecretUrl, Target};
use ays_protocol::Fetched;
use ays_recipes::Recipe;
use ays_transport::Transport;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use crate::install_error::InstallError;
use crate::lifecycle::Starting;
use crate::operator_file::OperatorFile;
use crate::other_services::OtherServices;
use crate::own_pool::OwnPool;
use crate::send_tree::GitTree;
use crate::stacks::Stacks;

/// Whether what is installed is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Nothing is done when the template, the answers and the copy agree.
    #[default]
    IfNeeded,
    /// All of it is done (`--reinstall`).
    Again,
}

/// How an install ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// All was done.
    Now,
    /// There was nothing to do.
    Before,
}

/// Whether nodes pass on what they fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// One node of a grid reads the source, the others take it from their neighbours.
    Neighbours,
    /// Each node reads the source itself.
    Alone,
}

/// An install of one recipe on nodes.
pub struct Rollout<'a> {
    /// The environment's stacks.
    pub stacks: &'a Stacks,
    /// What is installed.
    pub recipe: &'a Recipe,
    /// The file of this machine that the recipe's one download is; none: nodes read its source.
    pub file: Option<OperatorFile>,
    /// Where it is recorded.
    pub catalogue: &'a Catalogue,
    /// That catalogue as the owner of the pools that it is installed into.
    pub owner: &'a PoolOwner,
    /// The directory of the runs' logs.
    pub logs: &'a Path,
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// Whether what is installed is left alone.
    pub mode: Mode,
    /// Whether what was installed is started.
    pub starting: Starting,
    /// The recipe's files from git, in its order ([`ays_recipes::Parts::trees`]).
    pub trees: &'a [GitTree],
    /// Who does what methods ask of other services; none: nobody.
    pub others: Option<&'a dyn OtherServices>,
    /// Whether an image is registered even when the disk in it is broken.
    pub force: bool,
    /// Whether nodes pass on what they fetch.
    pub sharing: Sharing,
    /// The most nodes at work at once.
    pub parallel: NonZeroUsize,
    /// Who does it: for the records.
    pub by: &'a str,
}

impl Rollout<'_> {
    /// A pool of a target, as this rollout's catalogue wants to write into it.
    pub(crate) fn own<'p>(&'p self, key: &'p PoolKey, target: &'p Target) -> OwnPool<'p> {
        OwnPool { key, node: target.name(), owner: self.owner, catalogue: self.catalogue }
    }
}

/// How the install on one node ended.
pub type NodeResult = Result<Installed, InstallError>;

/// A pool's turn: the nodes that share it work one after the other.
pub(crate) type Turn = OwnedMutexGuard<SharedPool>;

/// What the nodes that share a pool have in common.
#[derive(Debug, Default)]
pub(crate) struct SharedPool {
    /// Held until the last of them is done.
    pub lock: Option<Lock>,
    /// The sources of the images that the first of them has brought into the pool, by their numbers in the recipe.
    pub sources: BTreeMap<usize, Source>,
}

/// A source, and what was fetched from it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub url: SecretUrl,
    pub fetched: Fetched,
}
