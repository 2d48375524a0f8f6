//! Registering an image: what is on a pool's disk becomes true in the catalogue, in one transaction.

use ays_model::{
    BootType, Digest, DiskFormat, Gid, ImageName, Md5, NodeName, PoolKey, Proof, Sha256, Signer, TemplateName,
};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::offer::offers;
use crate::pool::ensure;
use crate::{Catalogue, CatalogueError, GenerationId, ImageId, Offer, Timestamp};

/// A file that lies verified and synced in a pool, and the image that it is a generation of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The record that users know.
    pub image: ImageFacts,
    /// What was fetched.
    pub source: SourceFacts,
    /// What lies in the pool.
    pub stored: StoredFacts,
    /// The recipe.
    pub template: TemplateFacts,
    /// Who registers it.
    pub by: String,
    /// Where it lies. The image's grid is this pool's.
    pub pool: PoolKey,
    /// The names of the stacks of this grid on which the image is wanted from now on, besides those where it is already.
    pub wanted_on: Vec<NodeName>,
}

/// What a recipe says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// Its name, unique in its grid.
    pub name: ImageName,
    /// For people.
    pub description: String,
    /// `Linux`, `Windows`, or a name of the recipe's own.
    pub category: String,
    /// The smallest disk that a machine may have, in GB.
    pub size_gb: u32,
    /// The login that the image comes with. Its password has no place here.
    pub username: Option<String>,
    /// How a machine starts from it.
    pub boot_type: BootType,
    /// Whether its disk can grow while a machine runs.
    pub hot_resize: bool,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// Where from, as it may be shown: without credentials.
    pub url: String,
    /// The source's `ETag`, as sent.
    pub etag: Option<String>,
    /// The source's own date, as sent.
    pub last_modified: Option<String>,
    /// Of its bytes.
    pub md5: Md5,
    /// Of its bytes.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// What the bytes were verified by; none: they were only received.
    pub verified_by: Option<Proof>,
    /// Who has signed them, or the list that verified them.
    pub signed_by: Option<Signer>,
    /// What the source calls this state of it, where it has versions.
    pub version: Option<String>,
}

/// What lies in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFacts {
    /// The file's name in the pool.
    pub file: String,
    /// What the file is.
    pub format: DiskFormat,
    /// What a machine that starts from it sees.
    pub content: Digest,
    /// Of the file: of a raw file it is the content.
    pub digest: Digest,
    /// The file's length in bytes.
    pub size: u64,
    /// What a machine that starts from it sees, in bytes.
    pub virtual_size: u64,
}

/// The recipe that an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFacts {
    /// Its name.
    pub name: TemplateName,
    /// Its checksum.
    pub checksum: Md5,
    /// The environment's commit.
    pub commit: Option<String>,
}

/// What a registration made or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The image.
    pub image_id: ImageId,
    /// The generation.
    pub generation: GenerationId,
    /// The generation's number within the image.
    pub number: u32,
    /// The image was not in the catalogue before.
    pub new_image: bool,
    /// Nor was this content of it.
    pub new_generation: bool,
}

impl Catalogue {
    /// Makes or updates the image, makes its generation or finds the one with the same content (else one of before, whose
    /// content is not known yet, with the same source SHA-256 and format), says that its copy in the pool is verified, and wants the image on the stacks.
    /// All of it or nothing; doing it again changes nothing.
    ///
    /// The generation becomes the image's current one. Pools that do not have it go on offering what they have (see
    /// [`Offer`]).
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownStack`] for a name that [`Catalogue::set_stacks`] did not give.
    pub async fn register(
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

    /// What the pool would offer after [`Catalogue::register`], without changing anything: the next content of its
    /// `ays-images.json`, which is written before the record.
    pub async fn rehearse(
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

    async fn apply(
        &self,
        db: &mut SqliteConnection,
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
        let (generation, number) = match found {
            Some(found) => {
                name_generation(db, found.0, &registration.stored.content).await.map_err(&failed)?;
                verify_generation(db, found.0, &registration.source).await.map_err(&failed)?;
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

/// SQLite's integers have a sign.
struct Sizes {
    source: i64,
    stored: i64,
    disk: i64,
}

fn file_size(size: u64) -> Result<i64, CatalogueError> {
    i64::try_from(size).map_err(|_| CatalogueError::Size { size })
}

async fn put_image(
    db: &mut SqliteConnection,
    registration: &Registration,
    now: &Timestamp,
) -> sqlx::Result<(ImageId, bool)> {
    let Registration { image, source, pool, .. } = registration;
    let known: Option<ImageId> = sqlx::query_scalar("SELECT id FROM image WHERE gid = ? AND name = ?")
        .bind(pool.gid.0)
        .bind(image.name.as_str())
        .fetch_optional(&mut *db)
        .await?;
    // The status of a known image is an operator's: it stays.
    sqlx::query(
        "INSERT INTO image (gid, name, guid, reference_id, description, type, size_gb, username, boot_type,
                            hot_resize, url, last_modified, status)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'CREATED')
         ON CONFLICT (gid, name) DO UPDATE SET
             description = excluded.description, type = excluded.type, size_gb = excluded.size_gb,
             username = excluded.username, boot_type = excluded.boot_type, hot_resize = excluded.hot_resize,
             url = excluded.url, last_modified = excluded.last_modified
         WHERE (description, type, size_gb, username, boot_type, hot_resize, url)
             IS NOT (excluded.description, excluded.type, excluded.size_gb, excluded.username,
                     excluded.boot_type, excluded.hot_resize, excluded.url)",
    )
    .bind(pool.gid.0)
    .bind(image.name.as_str())
    .bind(Uuid::new_v4().to_string())
    .bind(Uuid::new_v4().to_string())
    .bind(&image.description)
    .bind(&image.category)
    .bind(image.size_gb)
    .bind(&image.username)
    .bind(image.boot_type.as_str())
    .bind(image.hot_resize)
    .bind(&source.url)
    .bind(now)
    .execute(&mut *db)
    .await?;
    match known {
        Some(id) => Ok((id, false)),
        None => {
            let made = sqlx::query_scalar("SELECT id FROM image WHERE gid = ? AND name = ?");
            Ok((made.bind(pool.gid.0).bind(image.name.as_str()).fetch_one(db).await?, true))
        }
    }
}

async fn find_generation(
    db: &mut SqliteConnection,
    image: ImageId,
    registration: &Registration,
) -> sqlx::Result<Option<(GenerationId, u32)>> {
    sqlx::query_as(
        "SELECT id, number FROM generation
         WHERE image_id = ?1
           AND (content = ?2 OR (content LIKE 'sha256:%' AND source_sha256 = ?3 AND format = ?4))
         ORDER BY content = ?2 DESC, number DESC LIMIT 1",
    )
    .bind(image)
    .bind(registration.stored.content.to_string())
    .bind(registration.source.sha256.to_string())
    .bind(registration.stored.format.as_str())
    .fetch_optional(db)
    .await
}

async fn add_generation(
    db: &mut SqliteConnection,
    image: ImageId,
    registration: &Registration,
    sizes: &Sizes,
    now: &Timestamp,
) -> sqlx::Result<(GenerationId, u32)> {
    let Registration { source, stored, template, .. } = registration;
    sqlx::query_as(
        "INSERT INTO generation (image_id, number, source_url, etag, last_modified, source_md5, source_sha256,
                                 source_size, source_verified, format, content, stored_size, virtual_size,
                                 template, template_checksum, template_commit, made_at, made_by, verified_by,
                                 signed_by, signer, source_version)
         VALUES (?1, (SELECT COALESCE(MAX(number), 0) + 1 FROM generation WHERE image_id = ?1),
                 ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
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
    .fetch_one(db)
    .await
}

/// The same bytes were brought again: what verified them this time is what their source says now.
async fn verify_generation(
    db: &mut SqliteConnection,
    generation: GenerationId,
    source: &SourceFacts,
) -> sqlx::Result<()> {
    let signer = source.signed_by.as_ref();
    if source.verified_by.is_none() && signer.is_none() {
        return Ok(());
    }
    // What a key has proven stays so, also when the recipe does not ask for it any more.
    sqlx::query(
        "UPDATE generation SET source_verified = 1, verified_by = COALESCE(?3, verified_by),
             signer = CASE WHEN ?4 IS NULL THEN signer ELSE ?5 END, signed_by = COALESCE(?4, signed_by),
             source_version = COALESCE(?6, source_version)
         WHERE id = ?1 AND source_sha256 = ?2",
    )
    .bind(generation)
    .bind(source.sha256.to_string())
    .bind(source.verified_by.map(|proof| proof.to_string()))
    .bind(signer.map(|signer| signer.fingerprint.as_str()))
    .bind(signer.map(|signer| signer.user_id.as_str()))
    .bind(&source.version)
    .execute(db)
    .await?;
    Ok(())
}

/// What was known by its file's SHA-256 only is known by its content from now on.
pub(crate) async fn name_generation(
    db: &mut SqliteConnection,
    generation: GenerationId,
    content: &Digest,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE generation SET content = ?2 WHERE id = ?1 AND content LIKE 'sha256:%'")
        .bind(generation)
        .bind(content.to_string())
        .execute(db)
        .await?;
    Ok(())
}

async fn make_current(
    db: &mut SqliteConnection,
    image: ImageId,
    generation: GenerationId,
    now: &Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE image SET current_generation = ?2, last_modified = ?3
         WHERE id = ?1 AND current_generation IS NOT ?2",
    )
    .bind(image)
    .bind(generation)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

async fn put_copy(
    db: &mut SqliteConnection,
    pool: i64,
    generation: GenerationId,
    registration: &Registration,
    sizes: &Sizes,
    now: &Timestamp,
) -> sqlx::Result<()> {
    let stored = &registration.stored;
    sqlx::query(
        "INSERT INTO copy (pool_id, generation_id, state, file, format, digest, size, verified_at)
         VALUES (?, ?, 'verified', ?, ?, ?, ?, ?)
         ON CONFLICT (pool_id, generation_id) DO UPDATE SET
             state = excluded.state, file = excluded.file, format = excluded.format, digest = excluded.digest,
             size = excluded.size, verified_at = excluded.verified_at, scrubbed_at = NULL
         WHERE (state, file, format, digest, size)
             IS NOT (excluded.state, excluded.file, excluded.format, excluded.digest, excluded.size)",
    )
    .bind(pool)
    .bind(generation)
    .bind(&stored.file)
    .bind(stored.format.as_str())
    .bind(stored.digest.to_string())
    .bind(sizes.stored)
    .bind(now)
    .execute(&mut *db)
    .await?;
    // Other images may stand on the same file: what is true of it is true for all of them.
    sqlx::query(
        "UPDATE copy SET state = 'verified', verified_at = ?, scrubbed_at = NULL
         WHERE pool_id = ? AND file = ? AND digest = ? AND state = 'damaged'",
    )
    .bind(now)
    .bind(pool)
    .bind(&stored.file)
    .bind(stored.digest.to_string())
    .execute(db)
    .await?;
    Ok(())
}

/// False when there is no such stack.
async fn want(db: &mut SqliteConnection, image: ImageId, gid: Gid, stack: &NodeName) -> sqlx::Result<bool> {
    let found: Option<i64> = sqlx::query_scalar("SELECT id FROM stack WHERE gid = ? AND name = ?")
        .bind(gid.0)
        .bind(stack.as_str())
        .fetch_optional(&mut *db)
        .await?;
    let Some(stack_id) = found else { return Ok(false) };
    sqlx::query("INSERT INTO wanted (image_id, stack_id) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .bind(image)
        .bind(stack_id)
        .execute(db)
        .await?;
    Ok(true)
}
