//! Scrubbing: what must be on the disks, to be read again, and what came of it.

use serde::Serialize;
use sqlx::FromRow;

use crate::{Catalogue, CatalogueError, CopyState, PoolKey, Timestamp};

/// A file in a pool that is to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct ScrubCopy {
    /// Where.
    #[sqlx(flatten)]
    pub pool: PoolKey,
    /// Its name in the pool.
    pub file: String,
    /// What it must have, lower-case hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
    /// Verified or damaged.
    pub state: CopyState,
    /// When it was last read whole and was as it should be; none: not since it was written.
    pub scrubbed_at: Option<Timestamp>,
    /// The names of the images that stand on it.
    #[sqlx(skip)]
    pub images: Vec<String>,
}

impl Catalogue {
    /// The files that must be in the pools, of one image (its name or number, as [`Catalogue::image`] has it) or of all:
    /// each once, whatever the number of images that stand on it. By pool; within one, what was read longest ago comes
    /// first. None: there is no such image.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::AmbiguousImage`] when several grids have an image of this name.
    pub async fn copies_to_scrub(
        &self,
        image: Option<&str>,
    ) -> Result<Option<Vec<ScrubCopy>>, CatalogueError> {
        let doing = "listing the copies to scrub";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let only = match image {
            None => None,
            Some(asked) => match self.named(&mut tx, asked).await? {
                None => return Ok(None),
                Some(image) => Some(image.id),
            },
        };
        // All that is known of a file is the same for all images that stand on it; but a new one's record has never
        // been scrubbed.
        let mut copies: Vec<ScrubCopy> = sqlx::query_as(
            "SELECT pool_gid, pool_name, pool_node, pool_path, file, sha256, size, state,
                    max(scrubbed_at) AS scrubbed_at
             FROM copy_record
             WHERE state IN ('verified', 'damaged')
             GROUP BY pool_id, file, sha256, size, state
             HAVING ?1 IS NULL OR max(image_id = ?1)
             ORDER BY pool_gid, pool_name, pool_node, pool_id, max(scrubbed_at), file",
        )
        .bind(only)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        for copy in &mut copies {
            let Some(pool) = copy.pool.find(&mut tx).await.map_err(&failed)? else { continue };
            copy.images = sqlx::query_scalar(
                "SELECT DISTINCT i.name FROM copy_record c JOIN image i ON i.id = c.image_id
                 WHERE c.pool_id = ? AND c.file = ? AND c.sha256 = ? AND c.state = ? ORDER BY i.name",
            )
            .bind(pool)
            .bind(&copy.file)
            .bind(&copy.sha256)
            .bind(copy.state)
            .fetch_all(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        Ok(Some(copies))
    }

    /// The file in the pool was read whole and has this SHA-256, as it should. A damaged one is verified again, for all
    /// images that stand on it. A file that the catalogue does not know is no error.
    pub async fn set_scrubbed(
        &self,
        pool: &PoolKey,
        file: &str,
        sha256: &str,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        let doing = "writing what was scrubbed";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let Some(pool_id) = pool.find(&mut tx).await.map_err(&failed)? else { return Ok(()) };
        sqlx::query(
            "UPDATE copy SET
                 scrubbed_at = ?1, state = 'verified',
                 verified_at = CASE state WHEN 'damaged' THEN ?1 ELSE verified_at END
             WHERE pool_id = ?2 AND file = ?3 AND sha256 = ?4 AND state IN ('verified', 'damaged')",
        )
        .bind(now)
        .bind(pool_id)
        .bind(file)
        .bind(sha256)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }
}
