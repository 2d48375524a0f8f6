//! What an operation needs to write into the pools of an environment.

use std::sync::Arc;

use ays_catalogue::{ChangedBy, Timestamp};
use ays_engine::{Bad, Bring, CheckPools, Found, NotPublished, Publish, PublishError, Scrub, Stop};
use ays_model::{NodeName, PoolKey, PoolOwner, Target};
use ays_recipes::NodeError;
use ays_transport::{SshSettings, Transport};

use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::off_runtime::off_runtime;
use crate::selection::{Selected, all_nodes};

/// All nodes of an environment, and how they are reached.
pub(crate) struct Pools {
    targets: Vec<Target>,
    /// The nodes whose files are wrong: their pools are not found.
    pub broken: Vec<(NodeName, NodeError)>,
    owner: PoolOwner,
    transport: Transport,
}

impl Pools {
    pub async fn of(controller: &Controller, ssh: SshSettings, stop: &Stop) -> Result<Self, Error> {
        let environment = Arc::clone(&controller.environment);
        let Selected { targets, broken } = off_runtime(stop, move || Ok(all_nodes(&environment))).await?;
        let owner = controller.owner().await?;
        Ok(Self { targets, broken, owner, transport: Transport::Ssh(ssh) })
    }

    pub fn publish<'a>(&'a self, controller: &'a Controller, tell: &'a Tell) -> Publish<'a> {
        Publish {
            nodes: &self.targets,
            catalogue: &controller.catalogue,
            owner: &self.owner,
            transport: &self.transport,
            parallel: controller.environment.settings.install.parallel,
            tell: &**tell,
        }
    }

    pub fn bring<'a>(&'a self, controller: &'a Controller) -> Bring<'a> {
        Bring {
            nodes: &self.targets,
            catalogue: &controller.catalogue,
            owner: &self.owner,
            transport: &self.transport,
            parallel: controller.environment.settings.install.parallel,
        }
    }

    /// Looks at pools, and may mend them.
    pub fn check<'a>(&'a self, controller: &'a Controller, found: Found<'a>) -> CheckPools<'a> {
        CheckPools {
            nodes: &self.targets,
            catalogue: &controller.catalogue,
            owner: &self.owner,
            transport: &self.transport,
            parallel: controller.environment.settings.install.parallel,
            found,
        }
    }

    /// All nodes, and this machine.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Reads copies again, wherever they are.
    pub fn scrub<'a>(&'a self, controller: &'a Controller, bad: Bad) -> Scrub<'a> {
        let settings = &controller.environment.settings;
        Scrub {
            nodes: &self.targets,
            on: &[],
            catalogue: &controller.catalogue,
            owner: &self.owner,
            transport: &self.transport,
            rate: settings.scrub.rate,
            bad,
            parallel: settings.install.parallel,
        }
    }
    /// The pool of the node of this name.
    pub fn pool_of(&self, node: &NodeName) -> Option<PoolKey> {
        self.targets.iter().find(|target| target.name() == node).map(Target::pool_key)
    }

    /// Those that are to be told. A pool that no node has any more is read by nobody; but where a node's file is wrong,
    /// it may be that node's.
    pub fn that_matter(&self, mut failed: Vec<NotPublished>) -> Vec<NotPublished> {
        if self.broken.is_empty() {
            failed.retain(|not| !matches!(not.why, PublishError::NoNode));
        }
        failed
    }
}

impl Controller {
    /// Who changes something now, and why.
    pub(crate) fn changes(&self, reason: Option<String>) -> ChangedBy {
        ChangedBy { actor: self.actor.0.clone(), reason, at: Timestamp::now() }
    }
}
