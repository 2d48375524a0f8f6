//! Copies.

use async_trait::async_trait;
use ays_model::{DiskFormat, PoolKey, Sha256};

use super::Database;
use super::pool::find;
use crate::{CatalogueError, Copies, KnownCopy};

#[async_trait]
impl Copies for Database {
    async fn copy_of_source(
        &self,
        image_name: &str,
        source_sha256: Sha256,
        format: DiskFormat,
        pool: &PoolKey,
    ) -> Result<Option<KnownCopy>, CatalogueError> {
        let doing = "looking for a copy";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let Some(pool_id) = find(&mut tx, pool).await.map_err(&failed)? else { return Ok(None) };
        sqlx::query_as(
            "SELECT c.* FROM copy_record c JOIN image i ON i.id = c.image_id
             WHERE i.environment_id = $1 AND i.gid = $2 AND i.name = $3 AND c.source_sha256 = $4 AND c.format = $5
               AND c.pool_id = $6 AND c.state = 'verified'
             ORDER BY c.number DESC LIMIT 1",
        )
        .bind(tx.environment)
        .bind(i64::from(pool.gid.0))
        .bind(image_name)
        .bind(source_sha256.to_string())
        .bind(format.as_str())
        .bind(pool_id)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)
    }

    async fn mark_damaged(&self, pool: &PoolKey, file: &str) -> Result<(), CatalogueError> {
        let doing = "marking a copy as damaged";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let Some(pool_id) = find(&mut tx, pool).await.map_err(&failed)? else { return Ok(()) };
        sqlx::query(
            "UPDATE copy SET state = 'damaged' WHERE pool_id = $1 AND file = $2 AND state = 'verified'",
        )
        .bind(pool_id)
        .bind(file)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }
}
