//! Registering an image.

use super::offer::offers;
use super::pool::ensure;
use super::{Database, Work};
use crate::{
    CatalogueError, GenerationId, ImageId, Offer, Registered, Registration, Registrations, SourceFacts,
    Timestamp,
};
use async_trait::async_trait;
use ays_model::{Digest, Gid, NodeName};
use sqlx::FromRow;
use uuid::Uuid;

#[async_trait]
impl Registrations for Database {
    async fn register(
        &self,
        registration: &Registration,
        now: &Timestamp,
    ) -> Result<Registered, CatalogueError> {
        let doing = "registering an image";
        let mut tx = self.write(doing).await?;
        let registered = self.apply(&mut tx, registration, now).await?;
        tx.commit().await.map_err(self.failed(doing))?;
        Ok(registered)
    }

    async fn rehearse(
        &self,
        registration: &Registration,
        now: &Timestamp,
    ) -> Result<Vec<Offer>, CatalogueError> {
        let doing = "rehearsing a registration";
        let mut tx = self.write(doing).await?;
        self.apply(&mut tx, registration, now).await?;
        let offered = offers(&mut tx, &registration.pool).await.map_err(self.failed(doing))?;
        tx.rollback().await.map_err(self.failed(doing))?;
        Ok(offered)
    }
}

impl Database {
    async fn apply(
        &self,
        db: &mut Work,
        registration: &Registration,
        now: &Timestamp,
    ) -> Result<Registered, CatalogueError> {
        let failed = self.failed("registering an image");
        let sizes = Sizes {
            source: file_size(registration.source.size)?,
            stored: file_size(registration.stored.size)?,
            disk: file_size(registration.stored.virtual_size)?,
        };
        let pool = ensure(db, &registration.pool).await.map_err(&failed)?;
        let (image_id, new_image) = put_image(db, registration, now).await.map_err(&failed)?;
        let found = find_generation(db, image_id, registration).await.map_err(&failed)?;
        let Numbered { id: generation, number } = match found {
            Some(found) => {
                name_generation(db, found.id, &registration.stored.content).await.map_err(&failed)?;
                verify_generation(db, found.id, &registration.source).await.map_err(&failed)?;
                found
            }
            None => add_generation(db, image_id, registration, &sizes, now).await.map_err(&failed)?,
        };
        make_current(db, image_id, generation, now).await.map_err(&failed)?;
        put_copy(db, pool, generation, registration, &sizes, now).await.map_err(&failed)?;
        for stack in &registration.wanted_on {
            let gid = registration.pool.gid;
            if !want(db, image_id, gid, stack).await.map_err(&failed)? {
                return Err(CatalogueError::UnknownStack { name: stack.clone(), gid });
            }
        }
        Ok(Registered { image_id, generation, number, new_image, new_generation: found.is_none() })
    }
}

/// A generation and its number within its image.
#[derive(Clone, Copy, FromRow)]
struct Numbered {
    id: GenerationId,
    #[sqlx(try_from = "i64")]
    number: u32,
}

/// A database's integers have a sign.
struct Sizes {
    source: i64,
    stored: i64,
    disk: i64,
}

fn file_size(size: u64) -> Result<i64, CatalogueError> {
    i64::try_from(size).map_err(|_| CatalogueError::Size { size })
}

async fn put_image(
    db: &mut Work,
    registration: &Registration,
    now: &Timestamp,
) -> sqlx::Result<(ImageId, bool)> {
    let Registration { image, source, pool, .. } = registration;
    let known: Option<ImageId> =
        sqlx::query_scalar("SELECT id FROM image WHERE environment_id = $1 AND gid = $2 AND name = $3")
            .bind(db.environment)
            .bind(i64::from(pool.gid.0))
            .bind(image.name.as_str())
            .fetch_optional(&mut **db)
            .await?;
    // The status of a known image is an operator's: it stays.
    let statement = match known {
        Some(_) => {
            "UPDATE image SET description = $4, type = $5, size_gb = $6, username = $7, boot_type = $8, hot_resize = $9,
                              url = $10, last_modified = $11
             WHERE environment_id = $1 AND gid = $2 AND name = $3
               AND (description, type, size_gb, username, boot_type, hot_resize, url)
                   IS DISTINCT FROM ($4, $5, $6, $7, $8, $9, $10)
             RETURNING id"
        }
        None => {
            "INSERT INTO image (environment_id, gid, name, description, type, size_gb, username, boot_type, hot_resize,
                                url, last_modified, guid, reference_id, status)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'CREATED')
             RETURNING id"
        }
    };
    let mut query = sqlx::query_scalar(statement)
        .bind(db.environment)
        .bind(i64::from(pool.gid.0))
        .bind(image.name.as_str())
        .bind(&image.description)
        .bind(&image.category)
        .bind(i64::from(image.size_gb))
        .bind(&image.username)
        .bind(image.boot_type.as_str())
        .bind(image.hot_resize)
        .bind(&source.url)
        .bind(now);
    if known.is_none() {
        query = query.bind(Uuid::new_v4().to_string()).bind(Uuid::new_v4().to_string());
    }
    let changed: Option<ImageId> = query.fetch_optional(&mut **db).await?;
    // Without both, the row is gone within this transaction, which nothing does.
    Ok((known.or(changed).ok_or(sqlx::Error::RowNotFound)?, known.is_none()))
}

async fn find_generation(
    db: &mut Work,
    image: ImageId,
    registration: &Registration,
) -> sqlx::Result<Option<Numbered>> {
    sqlx::query_as(
        "SELECT id, number FROM generation
         WHERE image_id = $1
           AND (content = $2 OR (content LIKE 'sha256:%' AND source_sha256 = $3 AND format = $4))
         ORDER BY content = $2 DESC, number DESC LIMIT 1",
    )
    .bind(image)
    .bind(registration.stored.content.to_string())
    .bind(registration.source.sha256.to_string())
    .bind(registration.stored.format.as_str())
    .fetch_optional(&mut **db)
    .await
}

async fn add_generation(
    db: &mut Work,
    image: ImageId,
    registration: &Registration,
    sizes: &Sizes,
    now: &Timestamp,
) -> sqlx::Result<Numbered> {
    let Registration { source, stored, template, .. } = registration;
    sqlx::query_as(
        "INSERT INTO generation (image_id, number, source_url, etag, last_modified, source_md5, source_sha256,
                                 source_size, source_verified, format, content, stored_size, virtual_size,
                                 template, template_checksum, template_commit, made_at, made_by, verified_by,
                                 signed_by, signer, source_version)
         VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM generation WHERE image_id = $1),
                 $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
         RETURNING id, number",
    )
    .bind(image)
    .bind(&source.url)
    .bind(&source.etag)
    .bind(&source.last_modified)
    .bind(source.md5.to_string())
    .bind(source.sha256.to_string())
    .bind(sizes.source)
    .bind(source.verified_by.is_some() || source.signed_by.is_some())
    .bind(stored.format.as_str())
    .bind(stored.content.to_string())
    .bind(sizes.stored)
    .bind(sizes.disk)
    .bind(template.name.as_str())
    .bind(template.checksum.to_string())
    .bind(&template.commit)
    .bind(now)
    .bind(&registration.by)
    .bind(source.verified_by.map(|proof| proof.to_string()))
    .bind(source.signed_by.as_ref().map(|signer| signer.fingerprint.as_str()))
    .bind(source.signed_by.as_ref().map(|signer| signer.user_id.as_str()))
    .bind(&source.version)
    .fetch_one(&mut **db)
    .await
}

/// The same bytes were brought again: what verified them this time is what their source says now.
async fn verify_generation(
    db: &mut Work,
    generation: GenerationId,
    source: &SourceFacts,
) -> sqlx::Result<()> {
    let signer = source.signed_by.as_ref();
    if source.verified_by.is_none() && signer.is_none() {
        return Ok(());
    }
    // What a key has proven stays so, also when the recipe does not ask for it any more.
    sqlx::query(
        "UPDATE generation SET source_verified = $7, verified_by = COALESCE($3, verified_by),
             signer = CASE WHEN $4 IS NULL THEN signer ELSE $5 END, signed_by = COALESCE($4, signed_by),
             source_version = COALESCE($6, source_version)
         WHERE id = $1 AND source_sha256 = $2",
    )
    .bind(generation)
    .bind(source.sha256.to_string())
    .bind(source.verified_by.map(|proof| proof.to_string()))
    .bind(signer.map(|signer| signer.fingerprint.as_str()))
    .bind(signer.map(|signer| signer.user_id.as_str()))
    .bind(&source.version)
    .bind(true)
    .execute(&mut **db)
    .await?;
    Ok(())
}

/// What was known by its file's SHA-256 only is known by its content from now on.
pub(super) async fn name_generation(
    db: &mut Work,
    generation: GenerationId,
    content: &Digest,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE generation SET content = $2 WHERE id = $1 AND content LIKE 'sha256:%'")
        .bind(generation)
        .bind(content.to_string())
        .execute(&mut **db)
        .await?;
    Ok(())
}

async fn make_current(
    db: &mut Work,
    image: ImageId,
    generation: GenerationId,
    now: &Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE image SET current_generation = $2, last_modified = $3
         WHERE id = $1 AND current_generation IS DISTINCT FROM $2",
    )
    .bind(image)
    .bind(generation)
    .bind(now)
    .execute(&mut **db)
    .await?;
    Ok(())
}

async fn put_copy(
    db: &mut Work,
    pool: i64,
    generation: GenerationId,
    registration: &Registration,
    sizes: &Sizes,
    now: &Timestamp,
) -> sqlx::Result<()> {
    let stored = &registration.stored;
    sqlx::query(
        "INSERT INTO copy (pool_id, generation_id, state, file, format, digest, size, verified_at)
         VALUES ($1, $2, 'verified', $3, $4, $5, $6, $7)
         ON CONFLICT (pool_id, generation_id) DO UPDATE SET
             state = excluded.state, file = excluded.file, format = excluded.format, digest = excluded.digest,
             size = excluded.size, verified_at = excluded.verified_at, scrubbed_at = NULL
         WHERE (copy.state, copy.file, copy.format, copy.digest, copy.size)
             IS DISTINCT FROM (excluded.state, excluded.file, excluded.format, excluded.digest, excluded.size)",
    )
    .bind(pool)
    .bind(generation)
    .bind(&stored.file)
    .bind(stored.format.as_str())
    .bind(stored.digest.to_string())
    .bind(sizes.stored)
    .bind(now)
    .execute(&mut **db)
    .await?;
    // Other images may stand on the same file: what is true of it is true for all of them.
    sqlx::query(
        "UPDATE copy SET state = 'verified', verified_at = $1, scrubbed_at = NULL
         WHERE pool_id = $2 AND file = $3 AND digest = $4 AND state = 'damaged'",
    )
    .bind(now)
    .bind(pool)
    .bind(&stored.file)
    .bind(stored.digest.to_string())
    .execute(&mut **db)
    .await?;
    Ok(())
}

/// False when there is no such stack.
async fn want(db: &mut Work, image: ImageId, gid: Gid, stack: &NodeName) -> sqlx::Result<bool> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT id FROM stack WHERE environment_id = $1 AND gid = $2 AND name = $3")
            .bind(db.environment)
            .bind(i64::from(gid.0))
            .bind(stack.as_str())
            .fetch_optional(&mut **db)
            .await?;
    let Some(stack_id) = found else { return Ok(false) };
    sqlx::query("INSERT INTO wanted (image_id, stack_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(image)
        .bind(stack_id)
        .execute(&mut **db)
        .await?;
    Ok(true)
}
