//! Whether the catalogue agrees with itself.

use async_trait::async_trait;
use ays_model::{Finding, PoolKey, Severity};
use serde_json::json;

use super::audit::{Edit, note_image};
use super::offer::offers;
use super::owner::adopted_entries;
use super::pool::{ensure, find};
use super::register::file_size;
use super::{Database, Work, database_faults};
use crate::check_rules::RULES;
use crate::pool::PoolRow;
use crate::{
    AuditWhat, CatalogueError, ChangedBy, Checking, DATABASE_IS_DAMAGED, GenerationId, ImageId, KnownContent,
    NewCopy, PoolRecord,
};

/// How many findings of one kind are named.
const MOST_NAMED: usize = 20;

#[async_trait]
impl Checking for Database {
    async fn check_records(&self) -> Result<Vec<Finding>, CatalogueError> {
        let doing = "checking the records";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let damage = database_faults(&mut tx).await.map_err(&failed)?;
        if !damage.is_empty() {
            let finding = |said| Finding {
                code: DATABASE_IS_DAMAGED,
                severity: Severity::Error,
                message: format!("the database says of itself: {said}"),
                cure: CatalogueError::restore_cure(&self.place),
            };
            return Ok(damage.into_iter().map(finding).collect());
        }
        let mut findings = Vec::new();
        for rule in RULES {
            let rows: Vec<(String, String)> =
                sqlx::query_as(rule.sql).bind(tx.environment).fetch_all(&mut *tx).await.map_err(&failed)?;
            let more = rows.len().saturating_sub(MOST_NAMED);
            findings.extend(rows.iter().take(MOST_NAMED).map(|(one, other)| rule.finding(one, other)));
            if let Some(last) = findings.last_mut().filter(|_| more > 0) {
                last.message.push_str(&format!(", and so are {more} more"));
            }
        }
        Ok(findings)
    }

    async fn recorded_pools(&self) -> Result<Vec<PoolKey>, CatalogueError> {
        let pools: Vec<PoolRow> = sqlx::query_as(
            "SELECT p.gid AS pool_gid, p.name AS pool_name, NULLIF(p.node, '') AS pool_node, p.path AS pool_path
             FROM pool p
             WHERE p.environment_id = $1 AND (EXISTS (SELECT 1 FROM copy c WHERE c.pool_id = p.id)
                 OR EXISTS (SELECT 1 FROM adopted a WHERE a.pool_id = p.id))
             ORDER BY p.gid, p.name, p.node, p.id",
        )
        .bind(self.environment)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("listing the pools"))?;
        Ok(pools.into_iter().map(Into::into).collect())
    }

    async fn pool_record(&self, pool: &PoolKey) -> Result<PoolRecord, CatalogueError> {
        let doing = "reading what is recorded of a pool";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let id = find(&mut tx, pool).await.map_err(&failed)?;
        let copies = sqlx::query_as(
            "SELECT c.file, c.format, c.digest, c.size, c.state, c.verified_at, c.scrubbed_at, c.generation_id,
                    i.name AS image, g.template
             FROM copy c
             JOIN generation g ON g.id = c.generation_id
             JOIN image i ON i.id = g.image_id
             WHERE c.pool_id = $1 ORDER BY c.file, i.name, g.number",
        )
        .bind(id)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        let files = sqlx::query_scalar("SELECT DISTINCT file FROM adopted WHERE pool_id = $1 ORDER BY file")
            .bind(id)
            .fetch_all(&mut *tx)
            .await
            .map_err(&failed)?;
        let adopted = adopted_entries(&mut tx, id).await.map_err(&failed)?;
        let offered = offers(&mut tx, pool).await.map_err(&failed)?;
        Ok(PoolRecord::new(pool.clone(), copies, files, offered, &adopted))
    }

    async fn known_contents(
        &self,
        pool: &PoolKey,
        digits: &str,
    ) -> Result<Vec<KnownContent>, CatalogueError> {
        sqlx::query_as(
            "SELECT g.id AS generation_id, g.number, g.content, g.virtual_size, i.name AS image, i.status
             FROM generation g JOIN image i ON i.id = g.image_id
             WHERE i.environment_id = $1 AND i.gid = $2 AND substr(g.content, 1, length($3)) = $3
             ORDER BY g.id DESC",
        )
        .bind(self.environment)
        .bind(i64::from(pool.gid.0))
        .bind(format!("fsverity-sha256:{digits}"))
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("looking for a content"))
    }

    async fn record_found(&self, found: &NewCopy, by: &ChangedBy) -> Result<bool, CatalogueError> {
        let doing = "recording a file that was found";
        let (failed, size) = (self.failed(doing), file_size(found.size)?);
        let mut tx = self.write(doing).await?;
        let pool = ensure(&mut tx, &found.pool).await.map_err(&failed)?;
        let recorded = put_found(&mut tx, pool, size, found).await.map_err(&failed)?;
        if recorded {
            let copy = (&found.pool, found.file.as_str(), found.generation);
            note_copy(&mut tx, copy, Way::Found, by).await.map_err(&failed)?;
            tx.commit().await.map_err(&failed)?;
        }
        Ok(recorded)
    }

    async fn note_removed(
        &self,
        pool: &PoolKey,
        file: &str,
        generation: GenerationId,
        by: &ChangedBy,
    ) -> Result<(), CatalogueError> {
        let doing = "noting that a file was removed";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        note_copy(&mut tx, (pool, file, generation), Way::Removed, by).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }

    async fn set_unread(&self, pool: &PoolKey, file: &str) -> Result<(), CatalogueError> {
        let doing = "recording a file that was found";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let pool = find(&mut tx, pool).await.map_err(&failed)?;
        sqlx::query(
            "UPDATE copy SET state = 'damaged' WHERE pool_id = $1 AND file = $2 AND state = 'arriving'",
        )
        .bind(pool)
        .bind(file)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }
}

async fn put_found(db: &mut Work, pool: i64, size: i64, found: &NewCopy) -> sqlx::Result<bool> {
    let put = sqlx::query(
        "INSERT INTO copy (pool_id, generation_id, state, file, format, digest, size)
         SELECT $1, $2, 'damaged', $3, $4, $5, $6
         WHERE NOT EXISTS (SELECT 1 FROM copy WHERE pool_id = $1 AND file = $3)
           AND NOT EXISTS (SELECT 1 FROM adopted WHERE pool_id = $1 AND file = $3)
         ON CONFLICT (pool_id, generation_id) DO NOTHING",
    )
    .bind(pool)
    .bind(found.generation)
    .bind(&found.file)
    .bind(found.format.as_str())
    .bind(found.digest.to_string())
    .bind(size)
    .execute(&mut **db)
    .await?;
    Ok(put.rows_affected() == 1)
}

/// What happened to a file.
enum Way {
    Found,
    Removed,
}

async fn note_copy(
    db: &mut Work,
    (pool, file, generation): (&PoolKey, &str, GenerationId),
    way: Way,
    by: &ChangedBy,
) -> sqlx::Result<()> {
    let (image, number): (ImageId, i64) =
        sqlx::query_as("SELECT image_id, number FROM generation WHERE id = $1")
            .bind(generation)
            .fetch_one(&mut **db)
            .await?;
    let copy = json!({ "pool": pool, "file": file, "generation": number });
    let (before, after) = match way {
        Way::Found => (None, Some(copy)),
        Way::Removed => (Some(copy), None),
    };
    note_image(db, image, Edit { what: AuditWhat::Copy, before, after }, by).await
}
