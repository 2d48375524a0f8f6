//! Who writes into a pool: one catalogue alone, so that what the pool's index says has one source.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CatalogueId, EnvironmentName};

/// Who writes into a pool, as its mark says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolOwner {
    /// What tells the owner from all others.
    pub catalogue: CatalogueId,
    /// The environment of that catalogue, for people.
    pub environment: EnvironmentName,
    /// Who took the pool, for people: `user@host`.
    pub taken_by: String,
}

impl PoolOwner {
    /// Whether both are one catalogue: its environment may have another name by now, and others may work with it.
    pub fn is(&self, other: &Self) -> bool {
        self.catalogue == other.catalogue
    }
}

/// `environment g8 (catalogue 1a2b3c4d, taken by ops@ctl1)`
impl fmt::Display for PoolOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { catalogue, environment, taken_by } = self;
        let begin: String = catalogue.chars().take(8).collect();
        write!(f, "environment {environment} (catalogue {begin}, taken by {taken_by})")
    }
}
