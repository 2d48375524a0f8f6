//! An open catalogue, whatever its database.

use std::ops::Deref;
use std::sync::Arc;

use crate::{CatalogueError, EnvironmentKey, Place, Store, postgres, sqlite};

/// An open catalogue of one environment. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Catalogue(Arc<dyn Store>);

impl Catalogue {
    /// Opens the catalogue of `environment`; older tables are brought to this version's in one transaction.
    ///
    /// A missing file is made for its owner alone (mode 0600), as are the directories above it (0700). A PostgreSQL
    /// database must be there, its tables need not.
    pub async fn open(place: &Place, environment: &EnvironmentKey) -> Result<Self, CatalogueError> {
        let catalogue = Self::open_moved(place, environment).await?;
        match catalogue.moved_to().await? {
            None => Ok(catalogue),
            Some(to) => Err(CatalogueError::Moved { place: place.clone(), to }),
        }
    }

    /// The same, even where it has moved away: for what takes its place.
    pub async fn open_moved(place: &Place, environment: &EnvironmentKey) -> Result<Self, CatalogueError> {
        Ok(match place {
            Place::File(file) => Self(Arc::new(sqlite::open(file, environment).await?)),
            Place::Postgres(url) => Self(Arc::new(postgres::open(url, environment).await?)),
        })
    }

    /// Says that the environment of this name is this repository's from now on, whosever it was. Only a shared database
    /// asks for that; a file's directory says it for the file.
    pub async fn trust(place: &Place, environment: &EnvironmentKey) -> Result<(), CatalogueError> {
        let anyones = EnvironmentKey { repository: None, ..environment.clone() };
        Self::open(place, &anyones).await?.bind(environment.repository.as_deref()).await
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
