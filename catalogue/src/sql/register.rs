//! Registering an image.

use async_trait::async_trait;
use ays_model::{Digest, Gid, NodeName};
use serde_json::{Map, Value, json};
use sqlx::FromRow;
use uuid::Uuid;

use super::audit::{Edit, note_image};
use super::change::set_image_status;
use super::offer::offers;
use super::pool::ensure;
use super::{Database, Work};
use crate::{
    AuditWhat, CatalogueError, ChangedBy, GenerationId, ImageId, ImageStatus, Offer, Registered,
    Registration, Registrations, SourceFacts, Timestamp,
};

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
        let by = ChangedBy { actor: registration.by.clone(), reason: None, at: now.clone() };
        let PutImage { id: image_id, is_new, status } =
            put_image(db, registration, &by).await.map_err(&failed)?;
        let found = find_generation(db, image_id, registration).await.map_err(&failed)?;
        let Numbered { id: generation, number } = match found {
            Some(found) => {
                name_generation(db, found.id, &registration.stored.content).await.map_err(&failed)?;
                verify_generation(db, found.id, &registration.source).await.map_err(&failed)?;
                found
            }
            None => add_generation(db, image_id, registration, &sizes, &by).await.map_err(&failed)?,
        };
        let undone = !make_current(db, image_id, generation, &by).await.map_err(&failed)?;
        put_copy(db, pool, generation, registration, &sizes, now).await.map_err(&failed)?;
        let mut added = Vec::new();
        for stack in &registration.wanted_on {
            let gid = registration.pool.gid;
            match want(db, image_id, gid, stack).await.map_err(&failed)? {
                None => return Err(CatalogueError::UnknownStack { name: stack.clone(), gid }),
                Some(true) => added.push(stack.as_str()),
                Some(false) => {}
            }
        }
        note_wanted(db, image_id, &added, &by).await.map_err(&failed)?;
        let new_generation = found.is_none();
        Ok(Registered { image_id, generation, number, new_image: is_new, new_generation, status, undone })
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

pub(super) fn file_size(size: u64) -> Result<i64, CatalogueError> {
    i64::try_from(size).map_err(|_| CatalogueError::Size { size })
}

/// An image that was made or brought up to date.
struct PutImage {
    id: ImageId,
    is_new: bool,
    status: ImageStatus,
}

/// What a recipe says of an image, as it is recorded.
#[derive(FromRow)]
struct FactsRow {
    id: ImageId,
    status: ImageStatus,
    description: String,
    #[sqlx(rename = "type")]
    category: String,
    size_gb: i64,
    username: Option<String>,
    boot_type: String,
    hot_resize: bool,
    url: String,
}

async fn put_image(db: &mut Work, registration: &Registration, by: &ChangedBy) -> sqlx::Result<PutImage> {
    let Registration { image, source, pool, .. } = registration;
    let known: Option<FactsRow> = sqlx::query_as(
        "SELECT id, status, description, type, size_gb, username, boot_type, hot_resize, url
         FROM image WHERE environment_id = $1 AND gid = $2 AND name = $3",
    )
    .bind(db.environment)
    .bind(i64::from(pool.gid.0))
    .bind(image.name.as_str())
    .fetch_optional(&mut **db)
    .await?;
    let statement = match known {
        Some(_) => {
            "UPDATE image SET description = COALESCE($4, description), type = $5, size_gb = $6, username = $7, boot_type = $8, hot_resize = $9,
                              url = $10, last_modified = $11
             WHERE environment_id = $1 AND gid = $2 AND name = $3
               AND (description, type, size_gb, username, boot_type, hot_resize, url)
                   IS DISTINCT FROM (COALESCE($4, description), $5, $6, $7, $8, $9, $10)
             RETURNING id"
        }
        None => {
            "INSERT INTO image (environment_id, gid, name, description, type, size_gb, username, boot_type, hot_resize,
                                url, last_modified, guid, reference_id, status)
             VALUES ($1, $2, $3, COALESCE($4, ''), $5, $6, $7, $8, $9, $10, $11, $12, $13, 'CREATED')
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
        .bind(&by.at);
    if known.is_none() {
        query = query.bind(Uuid::new_v4().to_string()).bind(Uuid::new_v4().to_string());
    }
    let changed: Option<ImageId> = query.fetch_optional(&mut **db).await?;
    let Some(known) = known else {
        // Without it, the row is gone within this transaction, which nothing does.
        let id = changed.ok_or(sqlx::Error::RowNotFound)?;
        let edit = Edit { what: AuditWhat::Status, before: None, after: Some(json!(ImageStatus::Created)) };
        note_image(db, id, edit, by).await?;
        return Ok(PutImage { id, is_new: true, status: ImageStatus::Created });
    };
    let (id, mut status) = (known.id, known.status);
    if changed.is_some() {
        let (before, after) = other_facts(&known, registration);
        let edit = Edit { what: AuditWhat::Facts, before: Some(before), after: Some(after) };
        note_image(db, id, edit, by).await?;
    }
    // An install is an operator's word; that an image is disabled is another operator's, who said nothing of its files.
    if matches!(status, ImageStatus::Creating | ImageStatus::Deleted | ImageStatus::Destroyed) {
        set_image_status(db, id, status, ImageStatus::Created, by).await?;
        status = ImageStatus::Created;
    }
    Ok(PutImage { id, is_new: false, status })
}

/// The facts that a registration changes: as they were, and as they are.
fn other_facts(known: &FactsRow, Registration { image, source, .. }: &Registration) -> (Value, Value) {
    let facts = [
        (
            "description",
            json!(known.description),
            json!(image.description.as_ref().unwrap_or(&known.description)),
        ),
        ("type", json!(known.category), json!(image.category)),
        ("size", json!(known.size_gb), json!(image.size_gb)),
        ("username", json!(known.username), json!(image.username)),
        ("bootType", json!(known.boot_type), json!(image.boot_type.as_str())),
        ("hotResize", json!(known.hot_resize), json!(image.hot_resize)),
        ("url", json!(known.url), json!(source.url)),
    ];
    let (mut before, mut after) = (Map::new(), Map::new());
    for (name, was, is) in facts.into_iter().filter(|(_, was, is)| was != is) {
        before.insert(name.to_owned(), was);
        after.insert(name.to_owned(), is);
    }
    (before.into(), after.into())
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
    by: &ChangedBy,
) -> sqlx::Result<Numbered> {
    let Registration { source, stored, template, .. } = registration;
    let added: Numbered = sqlx::query_as(
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
    .bind(&by.at)
    .bind(&by.actor)
    .bind(source.verified_by.map(|proof| proof.to_string()))
    .bind(source.signed_by.as_ref().map(|signer| signer.fingerprint.as_str()))
    .bind(source.signed_by.as_ref().map(|signer| signer.user_id.as_str()))
    .bind(&source.version)
    .fetch_one(&mut **db)
    .await?;
    let after = json!({
        "number": added.number,
        "content": stored.content.to_string(),
        "sourceSha256": source.sha256.to_string(),
        "template": template.name.as_str(),
        "templateCommit": template.commit,
    });
    let edit = Edit { what: AuditWhat::Generation, before: None, after: Some(after) };
    note_image(db, image, edit, by).await?;
    Ok(added)
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

/// False: an operator went back from this generation, and another one is current.
async fn make_current(
    db: &mut Work,
    image: ImageId,
    generation: GenerationId,
    by: &ChangedBy,
) -> sqlx::Result<bool> {
    let (before, number, undone): (Option<i64>, i64, bool) = sqlx::query_as(
        "SELECT current.number, g.number, g.undone_at IS NOT NULL
         FROM generation g
         JOIN image i ON i.id = g.image_id
         LEFT JOIN generation current ON current.id = i.current_generation
         WHERE g.id = $1",
    )
    .bind(generation)
    .fetch_one(&mut **db)
    .await?;
    if undone || before == Some(number) {
        return Ok(!undone);
    }
    sqlx::query("UPDATE image SET current_generation = $2, last_modified = $3 WHERE id = $1")
        .bind(image)
        .bind(generation)
        .bind(&by.at)
        .execute(&mut **db)
        .await?;
    let edit = Edit { what: AuditWhat::Current, before: before.map(Value::from), after: Some(json!(number)) };
    note_image(db, image, edit, by).await?;
    Ok(true)
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
         WHERE pool_id = $2 AND file = $3 AND digest = $4 AND state IN ('damaged', 'removing')",
    )
    .bind(now)
    .bind(pool)
    .bind(&stored.file)
    .bind(stored.digest.to_string())
    .execute(&mut **db)
    .await?;
    Ok(())
}

/// Whether it was not wanted there before; none when there is no such stack.
async fn want(db: &mut Work, image: ImageId, gid: Gid, stack: &NodeName) -> sqlx::Result<Option<bool>> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT id FROM stack WHERE environment_id = $1 AND gid = $2 AND name = $3")
            .bind(db.environment)
            .bind(i64::from(gid.0))
            .bind(stack.as_str())
            .fetch_optional(&mut **db)
            .await?;
    let Some(stack_id) = found else { return Ok(None) };
    let wanted =
        sqlx::query("INSERT INTO wanted (image_id, stack_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(image)
            .bind(stack_id)
            .execute(&mut **db)
            .await?;
    Ok(Some(wanted.rows_affected() > 0))
}

/// Notes that an image is wanted on more stacks than before.
async fn note_wanted(db: &mut Work, image: ImageId, added: &[&str], by: &ChangedBy) -> sqlx::Result<()> {
    if added.is_empty() {
        return Ok(());
    }
    let after: Vec<String> = sqlx::query_scalar(
        "SELECT s.name FROM wanted w JOIN stack s ON s.id = w.stack_id WHERE w.image_id = $1 ORDER BY s.name",
    )
    .bind(image)
    .fetch_all(&mut **db)
    .await?;
    let before: Vec<_> = after.iter().filter(|name| !added.contains(&name.as_str())).collect();
    let edit = Edit { what: AuditWhat::Wanted, before: Some(json!(before)), after: Some(json!(after)) };
    note_image(db, image, edit, by).await
}
