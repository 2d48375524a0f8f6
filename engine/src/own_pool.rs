//! A node's pool, as its owner asks for it.

use std::path::PathBuf;

use ays_catalogue::{Catalogue, CatalogueError};
use ays_model::{NodeName, PoolKey, PoolOwner};
use ays_protocol::PoolClaim;

/// A pool on a node, and the catalogue that wants to write into it.
#[derive(Clone, Copy)]
pub(crate) struct OwnPool<'a> {
    pub key: &'a PoolKey,
    /// The node that it is reached by.
    pub node: &'a NodeName,
    /// The catalogue as an owner.
    pub owner: &'a PoolOwner,
    pub catalogue: &'a Catalogue,
}

impl OwnPool<'_> {
    /// What the node needs to know of it.
    pub async fn claim(&self) -> Result<PoolClaim, CatalogueError> {
        Ok(self.claim_of(self.catalogue.known_files(self.key).await?))
    }

    /// The same, with these files.
    pub fn claim_of(&self, known: Vec<String>) -> PoolClaim {
        PoolClaim {
            path: PathBuf::from(&self.key.path),
            pool: self.key.name.clone(),
            node: self.node.clone(),
            owner: self.owner.clone(),
            known,
        }
    }
}
