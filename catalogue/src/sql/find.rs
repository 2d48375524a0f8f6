//! Finding what a name, a number or a checksum leads to.

use async_trait::async_trait;

use super::image::copies;
use super::{Database, Work};
use crate::find::DIGITS;
use crate::{CatalogueError, Finding, Found, Generation, GenerationId};

#[async_trait]
impl Finding for Database {
    async fn find(&self, asked: &str) -> Result<Vec<Found>, CatalogueError> {
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

async fn generations(db: &mut Work, asked: &str) -> sqlx::Result<Vec<GenerationId>> {
    let named: Vec<GenerationId> = sqlx::query_scalar(
        "SELECT g.id FROM generation g JOIN image i ON i.id = g.image_id
         WHERE i.environment_id = $1 AND i.name = $2 ORDER BY i.gid, g.number DESC",
    )
    .bind(db.environment)
    .bind(asked)
    .fetch_all(&mut **db)
    .await?;
    if !named.is_empty() {
        return Ok(named);
    }
    if let Ok(number) = asked.parse::<i64>() {
        let numbered: Vec<GenerationId> = sqlx::query_scalar(
            "SELECT g.id FROM generation g JOIN image i ON i.id = g.image_id
                 WHERE i.environment_id = $1 AND i.id = $2 ORDER BY g.number DESC",
        )
        .bind(db.environment)
        .bind(number)
        .fetch_all(&mut **db)
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
         WHERE i.environment_id = $1
           AND (g.source_sha256 LIKE $2 OR g.source_md5 LIKE $2 OR g.content LIKE $3
                OR EXISTS (SELECT 1 FROM copy c WHERE c.generation_id = g.id AND c.digest LIKE $3))
         ORDER BY i.name, i.gid, g.number DESC",
    )
    .bind(db.environment)
    .bind(format!("{digits}%"))
    .bind(format!("%:{digits}%"))
    .fetch_all(&mut **db)
    .await
}

async fn read(db: &mut Work, id: GenerationId) -> sqlx::Result<Found> {
    let mut generation: Generation =
        sqlx::query_as("SELECT * FROM generation_record WHERE id = $1").bind(id).fetch_one(&mut **db).await?;
    generation.copies = copies(db, id).await?;
    let image = sqlx::query_as(
        "SELECT i.* FROM image_record i JOIN generation g ON g.image_id = i.id WHERE g.id = $1",
    )
    .bind(id)
    .fetch_one(&mut **db)
    .await?;
    let offered_by: Vec<String> = sqlx::query_scalar(
        "SELECT s.name FROM offered o JOIN stack s ON s.id = o.stack_id
         WHERE o.generation_id = $1 ORDER BY s.name",
    )
    .bind(id)
    .fetch_all(&mut **db)
    .await?;
    let published = sqlx::query_as(
        "SELECT p.id, p.account, p.target, p.cloud_id, p.location
         FROM publication p JOIN generation g ON g.image_id = p.image_id AND g.number = p.generation
         WHERE g.id = $1 AND p.status = 'done' ORDER BY p.account, p.id",
    )
    .bind(id)
    .fetch_all(&mut **db)
    .await?;
    Ok(Found { image, generation, offered_by: offered_by.into_iter().map(Into::into).collect(), published })
}
