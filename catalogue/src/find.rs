//! Finding what a name, a number or a checksum leads to.

use ays_model::NodeName;
use serde::Serialize;
use sqlx::SqliteConnection;

use crate::image::copies;
use crate::{Catalogue, CatalogueError, Generation, GenerationId, Image};

/// The digits of a checksum that it takes to find something by it: enough not to be met by chance.
const DIGITS: usize = 8;

/// A generation, the image that it is one of, and who offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Its image.
    pub image: Image,
    /// The generation, with its copies.
    pub generation: Generation,
    /// The names of the stacks that offer this generation.
    pub offered_by: Vec<NodeName>,
}

impl Catalogue {
    /// What `asked` leads to, by image and grid, the newest generation first: all generations of the images of this name
    /// or, when there is none, of this number; else those whose source has this SHA-256 or MD5, or whose content or stored
    /// file has this digest. Of each, the first 8 digits or more will do.
    pub async fn find(&self, asked: &str) -> Result<Vec<Found>, CatalogueError> {
        let doing = "finding a generation";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let mut found = Vec::new();
        for id in generations(&mut tx, asked).await.map_err(&failed)? {
            found.push(read(&mut tx, id).await.map_err(&failed)?);
        }
        Ok(found)
    }
}

async fn generations(db: &mut SqliteConnection, asked: &str) -> sqlx::Result<Vec<GenerationId>> {
    let named: Vec<GenerationId> = sqlx::query_scalar(
        "SELECT g.id FROM generation g JOIN image i ON i.id = g.image_id
         WHERE i.name = ? ORDER BY i.gid, g.number DESC",
    )
    .bind(asked)
    .fetch_all(&mut *db)
    .await?;
    if !named.is_empty() {
        return Ok(named);
    }
    if let Ok(number) = asked.parse::<i64>() {
        let numbered: Vec<GenerationId> =
            sqlx::query_scalar("SELECT id FROM generation WHERE image_id = ? ORDER BY number DESC")
                .bind(number)
                .fetch_all(&mut *db)
                .await?;
        if !numbered.is_empty() {
            return Ok(numbered);
        }
    }
    let digits = asked.rsplit(':').next().unwrap_or(asked);
    if digits.len() < DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let digits = digits.to_ascii_lowercase();
    // A copy in another format than raw has a digest of its own.
    sqlx::query_scalar(
        "SELECT g.id FROM generation g JOIN image i ON i.id = g.image_id
         WHERE g.source_sha256 GLOB ?1 OR g.source_md5 GLOB ?1 OR g.content GLOB ?2
            OR EXISTS (SELECT 1 FROM copy c WHERE c.generation_id = g.id AND c.digest GLOB ?2)
         ORDER BY i.name, i.gid, g.number DESC",
    )
    .bind(format!("{digits}*"))
    .bind(format!("*:{digits}*"))
    .fetch_all(db)
    .await
}

async fn read(db: &mut SqliteConnection, id: GenerationId) -> sqlx::Result<Found> {
    let mut generation: Generation =
        sqlx::query_as("SELECT * FROM generation_record WHERE id = ?").bind(id).fetch_one(&mut *db).await?;
    generation.copies = copies(db, id).await?;
    let image = sqlx::query_as(
        "SELECT i.* FROM image_record i JOIN generation g ON g.image_id = i.id WHERE g.id = ?",
    )
    .bind(id)
    .fetch_one(&mut *db)
    .await?;
    let offered_by: Vec<String> = sqlx::query_scalar(
        "SELECT s.name FROM offered o JOIN stack s ON s.id = o.stack_id
         WHERE o.generation_id = ? ORDER BY s.name",
    )
    .bind(id)
    .fetch_all(db)
    .await?;
    Ok(Found { image, generation, offered_by: offered_by.into_iter().map(Into::into).collect() })
}
