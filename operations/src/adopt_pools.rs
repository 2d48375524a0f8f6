//! Taking pools over from other catalogues.

use std::collections::HashSet;

use ays_engine::{Adopt, AdoptError, AdoptedPool, Stop};
use ays_model::{NodeName, PoolName, Target};
use ays_transport::{SshSettings, Transport};

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::selection::Selected;

/// Taking a pool over on nodes.
#[derive(Debug)]
pub struct AdoptPools {
    /// Its name.
    pub pool: PoolName,
    /// On which nodes; of those that share it, the first is enough.
    pub nodes: Selected,
}

/// What became of a node's pool.
pub type Adopted = (NodeName, Result<AdoptedPool, AdoptError>);

/// A node has another pool than the one that is meant.
#[derive(Debug, thiserror::Error)]
#[error("{node} keeps its templates in pool {has}, not in {asked}")]
struct OtherPool {
    node: NodeName,
    has: PoolName,
    asked: PoolName,
}

impl AdoptPools {
    /// Takes them over, one after another; what one meets stops no other.
    ///
    /// # Errors
    ///
    /// A node has another pool, a node's file is wrong, or it was stopped. Then nothing more is done.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<Adopted>, Error> {
        let Self { pool: asked, nodes: Selected { targets, broken } } = self;
        if let Some((_, error)) = broken.into_iter().next() {
            return Err(error.into());
        }
        for target in &targets {
            let has = &target.pool().name;
            if *has != asked {
                let (node, has) = (target.name().clone(), has.clone());
                return Err(Error::new(Kind::Usage, OtherPool { node, has, asked }).with_cure(
                    "name a node that has it with --targetname, or another pool: `ays nodes` lists them",
                ));
            }
        }
        let owner = controller.owner().await?;
        let adopt = Adopt {
            catalogue: &controller.catalogue,
            owner: &owner,
            transport: &Transport::Ssh(ssh),
            tell: &*tell,
        };
        let (mut seen, mut adopted) = (HashSet::new(), Vec::new());
        let is_new = |target: &&Target| seen.insert(target.pool_key());
        for target in targets.iter().filter(is_new) {
            let result = tokio::select! {
                result = adopt.run(target) => result,
                () = stop.after_steps() => return Err(Error::interrupted()),
            };
            adopted.push((target.name().clone(), result));
        }
        Ok(adopted)
    }
}
