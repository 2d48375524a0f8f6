//! Scrubbing: what must be on the disks, to be read again, and what came of it.

use ays_model::{Digest, DiskFormat, ImageName, PoolKey, TemplateName};
use serde::Serialize;
use sqlx::{FromRow, SqliteConnection};

use crate::offer::offers;
use crate::pool::find;
use crate::register::name_generation;
use crate::{Catalogue, CatalogueError, CopyState, GenerationId, ImageId, Offer, Timestamp};

/// A file in a pool that is to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct ScrubCopy {
    /// Where.
    #[sqlx(flatten, try_from = "crate::pool::PoolRow")]
    pub pool: PoolKey,
    /// Its name in the pool.
    pub file: String,
    /// What the file is.
    #[sqlx(try_from = "String")]
    pub format: DiskFormat,
    /// What it must have.
    #[sqlx(try_from = "String")]
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Verified or damaged.
    pub state: CopyState,
    /// When it became verified, for the image that it did so for last.
    pub verified_at: Option<Timestamp>,
    /// When it was last read whole and was as it should be; none: not since it was written.
    pub scrubbed_at: Option<Timestamp>,
    /// The names of the images that stand on it.
    #[sqlx(skip)]
    pub images: Vec<ImageName>,
    /// The template that made one of them.
    #[sqlx(try_from = "String")]
    pub template: TemplateName,
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
        Ok(Some(list(&mut tx, only, None).await.map_err(&failed)?))
    }

    /// The verified copies of the same bytes in other pools: those of its own grid first.
    pub async fn good_copies(&self, copy: &ScrubCopy) -> Result<Vec<ScrubCopy>, CatalogueError> {
        let doing = "looking for good copies";
        let mut tx = self.read(doing).await?;
        let mut copies = list(&mut tx, None, Some(copy)).await.map_err(self.failed(doing))?;
        copies.retain(|other| {
            other.pool != copy.pool && other.size == copy.size && other.state == CopyState::Verified
        });
        copies.sort_by_key(|other| other.pool.gid != copy.pool.gid);
        Ok(copies)
    }

    /// The file is missing, or was read and has other bytes: no image offers it until it is good again. One that was
    /// registered anew since `copy` was listed is left as it is: false.
    pub async fn set_bad(&self, copy: &ScrubCopy) -> Result<bool, CatalogueError> {
        let doing = "marking a copy as damaged";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let Some(pool) = find(&mut tx, &copy.pool).await.map_err(&failed)? else { return Ok(false) };
        let is_newer: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM copy WHERE pool_id = ?1 AND file = ?2 AND verified_at > ?3)",
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
             WHERE pool_id = ?1 AND file = ?2 AND digest = ?3 AND state = 'verified'",
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

    /// The file was read whole and is as it should be. A damaged one is verified again, for all images that stand on it.
    /// One that was known by its SHA-256 is known by its digest from now on, and its generations by their content, where
    /// `names` gives them: the content first. A file that the catalogue does not know is no error.
    pub async fn set_scrubbed(
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

    /// What the pool would offer after [`Catalogue::set_scrubbed`], without changing anything: the next content of its
    /// `ays-images.json`, which is written before the record.
    pub async fn rehearse_scrubbed(
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
    db: &mut SqliteConnection,
    image: Option<ImageId>,
    like: Option<&ScrubCopy>,
) -> sqlx::Result<Vec<ScrubCopy>> {
    // All that is known of a file is the same for all images that stand on it; but a new one's record has never
    // been scrubbed.
    let mut copies: Vec<ScrubCopy> = sqlx::query_as(
        "SELECT c.pool_gid, c.pool_name, c.pool_node, c.pool_path, c.file, c.format, c.digest, c.size, c.state,
                max(c.verified_at) AS verified_at, max(c.scrubbed_at) AS scrubbed_at, min(g.template) AS template
         FROM copy_record c JOIN generation g ON g.id = c.generation_id
         WHERE c.state IN ('verified', 'damaged') AND (?2 IS NULL OR c.digest = ?2 OR (c.format = 'raw' AND c.generation_id IN (
               SELECT o.generation_id FROM copy_record o WHERE o.file = ?3 AND o.digest = ?2 AND o.format = 'raw')))
         GROUP BY c.pool_id, c.file, c.format, c.digest, c.size, c.state
         HAVING ?1 IS NULL OR max(c.image_id = ?1)
         ORDER BY c.pool_gid, c.pool_name, c.pool_node, c.pool_id, max(c.scrubbed_at), c.file",
    )
    .bind(image)
    .bind(like.map(|copy| copy.digest.to_string()))
    .bind(like.map(|copy| &copy.file))
    .fetch_all(&mut *db)
    .await?;
    for copy in &mut copies {
        let Some(pool) = find(db, &copy.pool).await? else { continue };
        let images: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT i.name FROM copy_record c JOIN image i ON i.id = c.image_id
             WHERE c.pool_id = ? AND c.file = ? AND c.digest = ? AND c.state = ? ORDER BY i.name",
        )
        .bind(pool)
        .bind(&copy.file)
        .bind(copy.digest.to_string())
        .bind(copy.state)
        .fetch_all(&mut *db)
        .await?;
        copy.images = images.into_iter().map(Into::into).collect();
    }
    Ok(copies)
}

async fn set_scrubbed(
    db: &mut SqliteConnection,
    copy: &ScrubCopy,
    names: Option<(Digest, Digest)>,
    now: &Timestamp,
) -> sqlx::Result<()> {
    let Some(pool) = find(db, &copy.pool).await? else { return Ok(()) };
    let (content, digest) = names.unzip();
    let scrubbed: Vec<GenerationId> = sqlx::query_scalar(
        "UPDATE copy SET
             scrubbed_at = ?1, state = 'verified', digest = ?5,
             verified_at = CASE state WHEN 'damaged' THEN ?1 ELSE verified_at END
         WHERE pool_id = ?2 AND file = ?3 AND digest = ?4 AND state IN ('verified', 'damaged')
         RETURNING generation_id",
    )
    .bind(now)
    .bind(pool)
    .bind(&copy.file)
    .bind(copy.digest.to_string())
    .bind(digest.unwrap_or(copy.digest).to_string())
    .fetch_all(&mut *db)
    .await?;
    if let Some(content) = content {
        for generation in scrubbed {
            name_generation(db, generation, &content).await?;
        }
    }
    Ok(())
}
