//! What pools offer.

use async_trait::async_trait;
use ays_model::PoolKey;

use super::pool::find;
use super::{Database, Work};
use crate::{CatalogueError, Offer, Offers};

/// Where each image is wanted, with the copy of its current generation there: `w`, `s`, `i` and `c`.
pub(super) const WANTED: &str = "FROM wanted w
     JOIN stack s ON s.id = w.stack_id
     JOIN image i ON i.id = w.image_id
     LEFT JOIN copy c ON c.generation_id = i.current_generation AND c.pool_id = s.pool_id";

/// Whether a stack that the environment has offers the current generation, as the view `offered` says too: that one looks at
/// all generations, which takes ten times as long.
pub(super) const OFFERS_CURRENT: &str =
    "(COALESCE(c.state, '') = 'verified' AND s.status = 'ENABLED' AND i.status = 'CREATED')";

#[async_trait]
impl Offers for Database {
    async fn offers(&self, pool: &PoolKey) -> Result<Vec<Offer>, CatalogueError> {
        let doing = "listing a pool's images";
        let mut tx = self.read(doing).await?;
        offers(&mut tx, pool).await.map_err(self.failed(doing))
    }
}

pub(super) async fn offers(db: &mut Work, pool: &PoolKey) -> sqlx::Result<Vec<Offer>> {
    let Some(pool_id) = find(db, pool).await? else { return Ok(Vec::new()) };
    let mut offers: Vec<Offer> = sqlx::query_as(
        "SELECT DISTINCT i.name, i.id, g.number AS generation, c.file, c.format, c.digest, c.size, g.virtual_size,
                i.boot_type, i.size_gb AS minimum_size, i.hot_resize, i.type AS category,
                g.source_verified AS verified_at_source
         FROM offered o
         JOIN image i ON i.id = o.image_id
         JOIN generation g ON g.id = o.generation_id
         JOIN copy c ON c.generation_id = g.id AND c.pool_id = o.pool_id
         WHERE o.pool_id = $1 ORDER BY i.name",
    )
    .bind(pool_id)
    .fetch_all(&mut **db)
    .await?;
    for offer in &mut offers {
        let stacks: Vec<String> = sqlx::query_scalar(
            "SELECT s.name FROM offered o JOIN stack s ON s.id = o.stack_id
             WHERE o.pool_id = $1 AND o.image_id = $2 ORDER BY s.name",
        )
        .bind(pool_id)
        .bind(offer.id)
        .fetch_all(&mut **db)
        .await?;
        offer.stacks = stacks.into_iter().map(Into::into).collect();
    }
    Ok(offers)
}
