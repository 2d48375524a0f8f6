//! An open catalogue, whatever its database.

use std::ops::Deref;
use std::sync::Arc;

use ays_model::EnvironmentName;

use crate::{CatalogueError, Place, Store, postgres, sqlite};

/// An open catalogue of one environment. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Catalogue(Arc<dyn Store>);

impl Catalogue {
    /// Opens the catalogue of `environment`; older tables are brought to this version's in one transaction.
    ///
    /// A missing file is made for its owner alone (mode 0600), as are the directories above it (0700). A PostgreSQL
    /// database must be there, its tables need not.
    pub async fn open(place: &Place, environment: &EnvironmentName) -> Result<Self, CatalogueError> {
        Ok(match place {
            Place::File(file) => Self(Arc::new(sqlite::open(file, environment).await?)),
            Place::Postgres(url) => Self(Arc::new(postgres::open(url, environment).await?)),
        })
    }

    #[cfg(test)]
    pub(crate) fn of(store: impl Store + 'static) -> Self {
        Self(Arc::new(store))
    }
}

impl Deref for Catalogue {
    type Target = dyn Store;

    fn deref(&self) -> &(dyn Store + 'static) {
        &*self.0
    }
}
