//! What is scrubbed.

use async_trait::async_trait;
use ays_model::Digest;

use super::offer::offers;
use super::pool::find;
use super::register::name_generation;
use super::{Database, Work};
use crate::{CatalogueError, CopyState, GenerationId, ImageId, Offer, ScrubCopy, Scrubbing, Timestamp};

#[async_trait]
impl Scrubbing for Database {
    async fn copies_to_scrub(&self, image: Option<&str>) -> Result<Option<Vec<ScrubCopy>>, CatalogueError> {
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
        Ok(Some(list(&mut tx, only, None).await.map_err(&failed)?))
    }

    async fn good_copies(&self, copy: &ScrubCopy) -> Result<Vec<ScrubCopy>, CatalogueError> {
        let doing = "looking for good copies";
        let mut tx = self.read(doing).await?;
        let mut copies = list(&mut tx, None, Some(copy)).await.map_err(self.failed(doing))?;
        copies.retain(|other| {
            other.pool != copy.pool && other.size == copy.size && other.state == CopyState::Verified
        });
        copies.sort_by_key(|other| other.pool.gid != copy.pool.gid);
        Ok(copies)
    }

    async fn set_bad(&self, copy: &ScrubCopy) -> Result<bool, CatalogueError> {
        let doing = "marking a copy as damaged";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let Some(pool) = find(&mut tx, &copy.pool).await.map_err(&failed)? else { return Ok(false) };
        // Another time, and not a later one: the clock may have been set back meanwhile.
        let is_newer: bool = sqlx::query_scalar(
            "SELECT COALESCE(max(verified_at) <> $3, max(verified_at) IS NOT NULL, FALSE)
             FROM copy WHERE pool_id = $1 AND file = $2",
        )
        .bind(pool)
        .bind(&copy.file)
        .bind(&copy.verified_at)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        if is_newer {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE copy SET state = 'damaged'
             WHERE pool_id = $1 AND file = $2 AND digest = $3 AND state = 'verified'",
        )
        .bind(pool)
        .bind(&copy.file)
        .bind(copy.digest.to_string())
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(&failed)?;
        Ok(true)
    }

    async fn set_scrubbed(
        &self,
        copy: &ScrubCopy,
        names: Option<(Digest, Digest)>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        let doing = "writing what was scrubbed";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        set_scrubbed(&mut tx, copy, names, now).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }

    async fn rehearse_scrubbed(
        &self,
        copy: &ScrubCopy,
        names: Option<(Digest, Digest)>,
        now: &Timestamp,
    ) -> Result<Vec<Offer>, CatalogueError> {
        let doing = "rehearsing what was scrubbed";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        set_scrubbed(&mut tx, copy, names, now).await.map_err(&failed)?;
        let offered = offers(&mut tx, &copy.pool).await.map_err(&failed)?;
        tx.rollback().await.map_err(&failed)?;
        Ok(offered)
    }
}

/// The files in all pools; of one image, or with the bytes of one copy, where these are given. A raw file of the same
/// generation has the same bytes, even where one of the two is still known by its SHA-256.
async fn list(
    db: &mut Work,
    image: Option<ImageId>,
    like: Option<&ScrubCopy>,
) -> sqlx::Result<Vec<ScrubCopy>> {
    // All that is known of a file is the same for all images that stand on it; but a new one's record has never
    // been scrubbed.
    let mut copies: Vec<ScrubCopy> = sqlx::query_as(
        "SELECT c.pool_gid, c.pool_name, c.pool_node, c.pool_path, c.file, c.format, c.digest, c.size, c.state,
                max(c.verified_at) AS verified_at, max(c.scrubbed_at) AS scrubbed_at, min(g.template) AS template
         FROM copy_record c JOIN generation g ON g.id = c.generation_id
         WHERE c.environment_id = $4 AND c.state IN ('verified', 'damaged') AND (CAST($2 AS TEXT) IS NULL OR c.digest = $2 OR (c.format = 'raw' AND c.generation_id IN (
               SELECT o.generation_id FROM copy_record o WHERE o.file = $3 AND o.digest = $2 AND o.format = 'raw')))
         GROUP BY c.pool_id, c.pool_gid, c.pool_name, c.pool_node, c.pool_path, c.file, c.format, c.digest, c.size, c.state
         HAVING CAST($1 AS BIGINT) IS NULL OR max(CASE c.image_id WHEN $1 THEN 1 ELSE 0 END) = 1
         ORDER BY c.pool_gid, c.pool_name, c.pool_node NULLS FIRST, c.pool_id, max(c.scrubbed_at) NULLS FIRST, c.file",
    )
    .bind(image)
    .bind(like.map(|copy| copy.digest.to_string()))
    .bind(like.map(|copy| &copy.file))
    .bind(db.environment)
    .fetch_all(&mut **db)
    .await?;
    for copy in &mut copies {
        let Some(pool) = find(db, &copy.pool).await? else { continue };
        let images: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT i.name FROM copy_record c JOIN image i ON i.id = c.image_id
             WHERE c.pool_id = $1 AND c.file = $2 AND c.digest = $3 AND c.state = $4 ORDER BY i.name",
        )
        .bind(pool)
        .bind(&copy.file)
        .bind(copy.digest.to_string())
        .bind(copy.state)
        .fetch_all(&mut **db)
        .await?;
        copy.images = images.into_iter().map(Into::into).collect();
    }
    Ok(copies)
}

async fn set_scrubbed(
    db: &mut Work,
    copy: &ScrubCopy,
    names: Option<(Digest, Digest)>,
    now: &Timestamp,
) -> sqlx::Result<()> {
    let Some(pool) = find(db, &copy.pool).await? else { return Ok(()) };
    let (content, digest) = names.unzip();
    let scrubbed: Vec<GenerationId> = sqlx::query_scalar(
        "UPDATE copy SET
             scrubbed_at = $1, state = 'verified', digest = $5,
             verified_at = CASE state WHEN 'damaged' THEN $1 ELSE verified_at END
         WHERE pool_id = $2 AND file = $3 AND digest = $4 AND state IN ('verified', 'damaged')
         RETURNING generation_id",
    )
    .bind(now)
    .bind(pool)
    .bind(&copy.file)
    .bind(copy.digest.to_string())
    .bind(digest.unwrap_or(copy.digest).to_string())
    .fetch_all(&mut **db)
    .await?;
    if let Some(content) = content {
        for generation in scrubbed {
            name_generation(db, generation, &content).await?;
        }
    }
    Ok(())
}
