//! A pool's `ays-images.json`: what managers of machines read of the catalogue.

use std::path::PathBuf;

use ays_catalogue::{Catalogue, CatalogueError, Offer, index_json};
use ays_model::PoolKey;
use ays_protocol::{Outcome, Step, WriteIndex};
use ays_transport::{Helper, HelperError};

/// Why a pool's index is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Helper(#[from] HelperError),
}

/// Writes these offers into the index.
pub(crate) async fn write(helper: &mut Helper, pool: &PoolKey, offers: &[Offer]) -> Result<(), HelperError> {
    let index = WriteIndex { pool: PathBuf::from(&pool.path), content: index_json(offers) };
    match helper.run(Step::WriteIndex(index), |_| {}).await? {
        Outcome::Written { .. } => Ok(()),
        _ => Err(HelperError::Answer),
    }
}

/// Makes the index what the catalogue says. Others may write both at the same time (an install of another image, a
/// scrub): whoever writes the index last has seen what the catalogue says after all of them.
pub(crate) async fn publish(
    helper: &mut Helper,
    pool: &PoolKey,
    catalogue: &Catalogue,
) -> Result<(), IndexError> {
    let mut offers = catalogue.offers(pool).await?;
    loop {
        write(helper, pool, &offers).await?;
        let now = catalogue.offers(pool).await?;
        if now == offers {
            return Ok(());
        }
        offers = now;
    }
}
