//! Pools that the catalogue owns.

use async_trait::async_trait;
use ays_model::{CatalogueId, EnvironmentName, PoolKey, PoolOwner};
use serde_json::json;

use super::audit::{Edit, Subject, note};
use super::pool::{ensure, find};
use super::{Database, Work};
use crate::{Adopted, AdoptedBefore, AuditSubject, AuditWhat, CatalogueError, ChangedBy, Owners};

#[async_trait]
impl Owners for Database {
    async fn bind(&self, repository: Option<&str>) -> Result<(), CatalogueError> {
        sqlx::query("UPDATE environment SET repository = $2 WHERE id = $1")
            .bind(self.environment)
            .bind(repository)
            .execute(&self.writer)
            .await
            .map(drop)
            .map_err(self.failed("writing whose the environment is"))
    }

    async fn owner(&self, taken_by: String) -> Result<PoolOwner, CatalogueError> {
        let (name, catalogue): (String, String) =
            sqlx::query_as("SELECT name, catalogue FROM environment WHERE id = $1")
                .bind(self.environment)
                .fetch_one(&self.readers)
                .await
                .map_err(self.failed("reading what the catalogue is called"))?;
        Ok(PoolOwner {
            catalogue: CatalogueId::from(catalogue),
            environment: EnvironmentName::from(name),
            taken_by,
        })
    }

    async fn known_files(&self, pool: &PoolKey) -> Result<Vec<String>, CatalogueError> {
        let doing = "listing a pool's files";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let Some(pool_id) = find(&mut tx, pool).await.map_err(&failed)? else { return Ok(Vec::new()) };
        sqlx::query_scalar(
            "SELECT file FROM copy WHERE pool_id = $1 UNION SELECT file FROM adopted WHERE pool_id = $1 ORDER BY file",
        )
        .bind(pool_id)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)
    }

    async fn adopted(&self, pool: &PoolKey) -> Result<Vec<Adopted>, CatalogueError> {
        let doing = "listing a pool's adopted images";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let Some(pool_id) = find(&mut tx, pool).await.map_err(&failed)? else { return Ok(Vec::new()) };
        adopted_entries(&mut tx, Some(pool_id)).await.map_err(&failed)
    }

    async fn adopt(
        &self,
        pool: &PoolKey,
        entries: &[Adopted],
        before: AdoptedBefore,
        by: &ChangedBy,
    ) -> Result<(), CatalogueError> {
        let doing = "adopting a pool's images";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let pool_id = ensure(&mut tx, pool).await.map_err(&failed)?;
        let was = names(&mut tx, pool_id).await.map_err(&failed)?;
        if before == AdoptedBefore::Go {
            let forget = sqlx::query("DELETE FROM adopted WHERE pool_id = $1").bind(pool_id);
            forget.execute(&mut *tx).await.map_err(&failed)?;
        }
        for Adopted { name, file, entry, .. } in entries {
            sqlx::query(
                "INSERT INTO adopted (pool_id, file, name, entry)
                 SELECT $1, $2, $3, $4
                 WHERE NOT EXISTS (SELECT 1 FROM copy WHERE pool_id = $1 AND file = $2)
                 ON CONFLICT (pool_id, file, name) DO UPDATE SET entry = excluded.entry",
            )
            .bind(pool_id)
            .bind(file)
            .bind(name.as_str())
            .bind(entry.to_string())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        let is = names(&mut tx, pool_id).await.map_err(&failed)?;
        let subject =
            Subject { kind: AuditSubject::Pool, gid: i64::from(pool.gid.0), name: pool.name.as_str() };
        let edit = Edit { what: AuditWhat::Adopted, before: Some(json!(was)), after: Some(json!(is)) };
        note(&mut tx, subject, edit, by).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }
}

/// The names of all adopted images of a pool.
async fn names(db: &mut Work, pool_id: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("SELECT name FROM adopted WHERE pool_id = $1 ORDER BY name, file")
        .bind(pool_id)
        .fetch_all(&mut **db)
        .await
}

/// What stays in the index of a pool of what was adopted with it.
pub(super) async fn adopted_entries(db: &mut Work, pool_id: Option<i64>) -> sqlx::Result<Vec<Adopted>> {
    let entries: Vec<String> = sqlx::query_scalar(
        "SELECT a.entry FROM adopted a
         WHERE a.pool_id = $1 AND NOT EXISTS (
             SELECT 1 FROM copy c
             JOIN generation g ON g.id = c.generation_id
             JOIN image i ON i.id = g.image_id
             WHERE c.pool_id = a.pool_id AND (c.file = a.file OR i.name = a.name))
         ORDER BY a.name, a.file",
    )
    .bind(pool_id)
    .fetch_all(&mut **db)
    .await?;
    // Written by this type, so each can be read again.
    Ok(entries.iter().filter_map(|entry| Adopted::of(&serde_json::from_str(entry).ok()?)).collect())
}
