//! The order of truth, which keeps every record true wherever the work is stopped.
//!
//! More is offered: the pool's index is written as the catalogue will say (preview, index), then the catalogue, in one
//! transaction (record), then the index as the catalogue says by then (index). Less is offered: the record first, then
//! the index. In between, the catalogue never offers what the index lacks, and the next run finds what is there.

use ays_catalogue::{CatalogueError, Offer};
use ays_model::FaultStep;
use ays_transport::{Helper, HelperError, OnPurpose, around};

use crate::index::{self, IndexError};
use crate::own_pool::OwnPool;

/// Why a change of what a pool offers is not complete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TruthError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Helper(#[from] HelperError),
    #[error(transparent)]
    OnPurpose(#[from] OnPurpose),
}

impl From<IndexError> for TruthError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Catalogue(error) => Self::Catalogue(error),
            IndexError::Helper(error) => Self::Helper(error),
        }
    }
}

/// Records something after which a pool may offer more. `preview` is what it will offer then.
pub(crate) async fn offer<T>(
    helper: &mut Helper,
    pool: OwnPool<'_>,
    preview: impl Future<Output = Result<Vec<Offer>, CatalogueError>>,
    record: impl Future<Output = Result<T, CatalogueError>>,
) -> Result<T, TruthError> {
    index::write(helper, pool, &preview.await?).await?;
    let faults = helper.faults.clone();
    let recorded =
        around(faults.as_deref(), FaultStep::Record, async { record.await.map_err(TruthError::from) })
            .await?;
    index::publish(helper, pool).await?;
    Ok(recorded)
}

/// Records something after which a pool offers less.
pub(crate) async fn withdraw<T>(
    helper: &mut Helper,
    pool: OwnPool<'_>,
    record: impl Future<Output = Result<T, CatalogueError>>,
) -> Result<T, TruthError> {
    let recorded = record.await?;
    index::publish(helper, pool).await?;
    Ok(recorded)
}
