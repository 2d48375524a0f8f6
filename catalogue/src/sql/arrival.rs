//! Copies of a generation that are brought to pools which lack it.

use async_trait::async_trait;
use ays_model::PoolKey;

use super::offer::offers;
use super::pool::{ensure, find};
use super::register::file_size;
use super::{Database, Work};
use crate::{Arrivals, CatalogueError, CopyState, GenerationId, NewCopy, Offer, Timestamp};

#[async_trait]
impl Arrivals for Database {
    async fn set_arriving(&self, copies: &[NewCopy]) -> Result<(), CatalogueError> {
        let doing = "noting what is on its way";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        for copy in copies {
            let size = file_size(copy.size)?;
            put(&mut tx, copy, size, CopyState::Arriving, None).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)
    }

    async fn forget_arriving(
        &self,
        generation: GenerationId,
        pools: &[PoolKey],
    ) -> Result<(), CatalogueError> {
        let doing = "noting what did not come";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        for pool in pools {
            let pool = find(&mut tx, pool).await.map_err(&failed)?;
            sqlx::query("DELETE FROM copy WHERE generation_id = $1 AND pool_id = $2 AND state = 'arriving'")
                .bind(generation)
                .bind(pool)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)
    }

    async fn set_arrived(&self, copy: &NewCopy, now: &Timestamp) -> Result<(), CatalogueError> {
        let doing = "recording a copy";
        let (failed, size) = (self.failed(doing), file_size(copy.size)?);
        let mut tx = self.write(doing).await?;
        put(&mut tx, copy, size, CopyState::Verified, Some(now)).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }

    async fn rehearse_arrived(&self, copy: &NewCopy, now: &Timestamp) -> Result<Vec<Offer>, CatalogueError> {
        let doing = "rehearsing a copy";
        let (failed, size) = (self.failed(doing), file_size(copy.size)?);
        let mut tx = self.write(doing).await?;
        put(&mut tx, copy, size, CopyState::Verified, Some(now)).await.map_err(&failed)?;
        let offered = offers(&mut tx, &copy.pool).await.map_err(&failed)?;
        tx.rollback().await.map_err(&failed)?;
        Ok(offered)
    }
}

/// One that is only on its way takes no other's place.
async fn put(
    db: &mut Work,
    copy: &NewCopy,
    size: i64,
    state: CopyState,
    verified_at: Option<&Timestamp>,
) -> sqlx::Result<()> {
    let pool = ensure(db, &copy.pool).await?;
    sqlx::query(
        "INSERT INTO copy (pool_id, generation_id, state, file, format, digest, size, verified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (pool_id, generation_id) DO UPDATE SET
             state = excluded.state, file = excluded.file, format = excluded.format, digest = excluded.digest,
             size = excluded.size, verified_at = excluded.verified_at, scrubbed_at = NULL
         WHERE excluded.state = 'verified'",
    )
    .bind(pool)
    .bind(copy.generation)
    .bind(state)
    .bind(&copy.file)
    .bind(copy.format.as_str())
    .bind(copy.digest.to_string())
    .bind(size)
    .bind(verified_at)
    .execute(&mut **db)
    .await
    .map(drop)
}
