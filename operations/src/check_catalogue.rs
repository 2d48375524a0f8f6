//! The catalogue is held against itself and against what the pools hold.

use std::collections::BTreeSet;

use ays_catalogue::{DATABASE_IS_DAMAGED, LockHolder};
use ays_engine::{CheckPools, CheckedPool, Found, Stop};
use ays_model::{Finding, NodeName, PoolKey, Target};
use ays_recipes::NodeError;
use ays_transport::SshSettings;

use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::pools::Pools;

/// A check of the catalogue.
#[derive(Debug)]
pub struct CheckCatalogue {
    /// What becomes of what is found.
    pub repair: Repair,
    /// Why, for the records.
    pub reason: Option<String>,
}

/// What becomes of what a check finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// It is told, and nothing is changed.
    Nothing,
    /// What is safe to mend is mended.
    Safe,
}

/// What a check of the catalogue found.
#[derive(Debug)]
pub struct CheckedCatalogue {
    /// What is wrong with the records themselves.
    pub records: Vec<Finding>,
    /// Each pool. None where the database is damaged: what it says of pools cannot be relied on.
    pub pools: Vec<CheckedPool>,
    /// The nodes whose files are wrong: their pools were not found.
    pub broken: Vec<(NodeName, NodeError)>,
}

impl CheckCatalogue {
    /// Checks the records, then the pools of all nodes.
    ///
    /// # Errors
    ///
    /// Those of the catalogue, and it was stopped. What a node meets is told of its pool.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<CheckedCatalogue, Error> {
        let catalogue = &controller.catalogue;
        let records = catalogue.check_records().await?;
        if records.iter().any(|finding| finding.code == DATABASE_IS_DAMAGED) {
            return Ok(CheckedCatalogue { records, pools: Vec::new(), broken: Vec::new() });
        }
        let mut pools = Pools::of(&controller, ssh, &stop).await?;
        let broken = std::mem::take(&mut pools.broken);
        let keys = keys(pools.targets(), catalogue.recorded_pools().await?);
        let by = controller.changes(self.reason);
        let found = match self.repair {
            Repair::Nothing => Found::Told,
            Repair::Safe => Found::Mended(&by),
        };
        let check: CheckPools<'_> = pools.check(&controller, found);
        let pools = check.run(&keys, &stop, &*tell).await?;
        if stop.is_wanted() {
            return Err(Error::interrupted());
        }
        Ok(CheckedCatalogue { records, pools, broken })
    }
}

impl CheckedCatalogue {
    /// Whether all is as it should be, or is again.
    pub fn is_well(&self) -> bool {
        self.records.is_empty() && self.broken.is_empty() && self.pools.iter().all(CheckedPool::is_well)
    }

    /// Who brings or removes files now.
    pub fn at_work(&self) -> Vec<&LockHolder> {
        let mut holders: Vec<_> = self.pools.iter().flat_map(|pool| &pool.at_work).collect();
        holders.sort_by(|one, other| one.scope.cmp(&other.scope));
        holders.dedup();
        holders
    }
}

/// The pools of all nodes, and those that something is recorded of. This machine's own pool only where it is one of these:
/// most environments have none of their images here.
fn keys(targets: &[Target], recorded: Vec<PoolKey>) -> Vec<PoolKey> {
    let of_nodes = targets.iter().filter(|target| matches!(target, Target::Node(_))).map(Target::pool_key);
    let (mut seen, mut keys) = (BTreeSet::new(), Vec::new());
    for key in of_nodes.chain(recorded) {
        let PoolKey { gid, name, node, path } = &key;
        if seen.insert((gid.0, name.clone(), node.clone(), path.clone())) {
            keys.push(key);
        }
    }
    keys
}
