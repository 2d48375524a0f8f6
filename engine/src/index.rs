//! A pool's `ays-images.json`: what managers of machines read of the catalogue.

use ays_catalogue::{CatalogueError, Offer, index_json};
use ays_protocol::{IndexBefore, Outcome, Step, WriteIndex, WrittenIndex};
use ays_transport::{Helper, HelperError};

use crate::own_pool::OwnPool;

/// Why a pool's index is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Helper(#[from] HelperError),
}

/// Writes these offers into the index, beside what was adopted with the pool; what it was before. Where libvirt could not
/// be told, the helper's warnings say so.
pub(crate) async fn write(
    helper: &mut Helper,
    pool: OwnPool<'_>,
    offers: &[Offer],
) -> Result<IndexBefore, IndexError> {
    let content = index_json(offers, &pool.catalogue.adopted(pool.key).await?);
    let index = WriteIndex { claim: pool.claim().await?, content };
    match helper.run(Step::WriteIndex(index), |_| {}).await? {
        Outcome::Written(WrittenIndex { before, not_refreshed }) => {
            // The index is what is true: that libvirt has not seen it yet is no failure.
            if let Some(not) = not_refreshed {
                let message = format!("pool {}: {not}", pool.key.name);
                if !helper.warnings.contains(&message) {
                    helper.warnings.push(message);
                }
            }
            Ok(before)
        }
        _ => Err(HelperError::Answer.into()),
    }
}

/// Makes the index what the catalogue says; what it was before. Others may write both at the same time (an install of
/// another image, a scrub): whoever writes the index last has seen what the catalogue says after all of them.
pub(crate) async fn publish(helper: &mut Helper, pool: OwnPool<'_>) -> Result<IndexBefore, IndexError> {
    let mut offers = pool.catalogue.offers(pool.key).await?;
    let before = write(helper, pool, &offers).await?;
    loop {
        let now = pool.catalogue.offers(pool.key).await?;
        if now == offers {
            return Ok(before);
        }
        offers = now;
        write(helper, pool, &offers).await?;
    }
}
