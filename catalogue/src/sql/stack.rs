//! Stacks.

use async_trait::async_trait;
use ays_model::NodeName;
use serde_json::json;

use super::audit::{Edit, Subject, note};
use super::offer::{OFFERS_CURRENT, WANTED};
use super::pool::ensure;
use super::{Database, Work};
use crate::{
    AuditSubject, AuditWhat, CatalogueError, ChangedBy, CommitFacts, ImageId, Stack, StackFacts, StackId,
    Stacks,
};

#[async_trait]
impl Stacks for Database {
    async fn set_stacks(
        &self,
        stacks: &[StackFacts],
        leave: &[NodeName],
        from: Option<&CommitFacts>,
        by: &ChangedBy,
    ) -> Result<Option<CommitFacts>, CatalogueError> {
        let doing = "writing the stacks";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let newest: Option<CommitFacts> =
            sqlx::query_as("SELECT commit_id, committed_at FROM stacks_from WHERE environment_id = $1")
                .bind(tx.environment)
                .fetch_optional(&mut *tx)
                .await
                .map_err(&failed)?;
        let newer = newest.filter(|newest| from.is_some_and(|from| from.committed_at < newest.committed_at));
        if let (Some(from), None) = (from, &newer) {
            sqlx::query(
                "INSERT INTO stacks_from (environment_id, commit_id, committed_at) VALUES ($1, $2, $3)
                 ON CONFLICT (environment_id) DO UPDATE SET commit_id = $2, committed_at = $3
                 WHERE stacks_from.commit_id <> $2 OR stacks_from.committed_at <> $3",
            )
            .bind(tx.environment)
            .bind(&from.commit_id)
            .bind(&from.committed_at)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        let mut kept = Vec::with_capacity(stacks.len());
        for stack in stacks {
            let pool = ensure(&mut tx, &stack.pool).await.map_err(&failed)?;
            put_stack(&mut tx, stack, pool, newer.is_none(), by).await.map_err(&failed)?;
            kept.push((i64::from(stack.pool.gid.0), stack.name.as_str()));
        }
        if newer.is_some() {
            tx.commit().await.map_err(&failed)?;
            return Ok(newer);
        }
        let known: Vec<(StackId, i64, String)> = sqlx::query_as(
            "SELECT id, gid, name FROM stack WHERE environment_id = $1 AND in_environment = $2",
        )
        .bind(tx.environment)
        .bind(true)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)?;
        for (id, gid, name) in known {
            if !kept.contains(&(gid, name.as_str())) && !leave.iter().any(|node| *node == name.as_str()) {
                sqlx::query("UPDATE stack SET in_environment = $2 WHERE id = $1")
                    .bind(id)
                    .bind(false)
                    .execute(&mut *tx)
                    .await
                    .map_err(&failed)?;
                let subject = Subject { kind: AuditSubject::Stack, gid, name: &name };
                note(&mut tx, subject, in_environment(true, false), by).await.map_err(&failed)?;
            }
        }
        tx.commit().await.map_err(&failed)?;
        Ok(None)
    }

    async fn stacks(&self) -> Result<Vec<Stack>, CatalogueError> {
        let doing = "listing stacks";
        let mut tx = self.read(doing).await?;
        stacks(&mut tx).await.map_err(self.failed(doing))
    }
}

fn in_environment(before: bool, after: bool) -> Edit {
    Edit { what: AuditWhat::InEnvironment, before: Some(json!(before)), after: Some(json!(after)) }
}

/// Makes a stack that nobody knows. A known one is changed only where `is_newest`: its pool may be another one now, and it
/// may come back, as operators left it.
async fn put_stack(
    db: &mut Work,
    stack: &StackFacts,
    pool: i64,
    is_newest: bool,
    by: &ChangedBy,
) -> sqlx::Result<()> {
    let gid = i64::from(stack.pool.gid.0);
    let known: Option<(StackId, i64, bool)> = sqlx::query_as(
        "SELECT id, pool_id, in_environment FROM stack WHERE environment_id = $1 AND gid = $2 AND name = $3",
    )
    .bind(db.environment)
    .bind(gid)
    .bind(stack.name.as_str())
    .fetch_optional(&mut **db)
    .await?;
    let subject = || Subject { kind: AuditSubject::Stack, gid, name: stack.name.as_str() };
    match known {
        None => {
            sqlx::query(
                "INSERT INTO stack (environment_id, gid, name, status, reference_id, pool_id)
                 VALUES ($1, $2, $3, 'ENABLED', $3, $4)",
            )
            .bind(db.environment)
            .bind(gid)
            .bind(stack.name.as_str())
            .bind(pool)
            .execute(&mut **db)
            .await?;
            note(db, subject(), in_environment(false, true), by).await?;
        }
        Some((id, before, was_in)) if is_newest && (before != pool || !was_in) => {
            sqlx::query("UPDATE stack SET pool_id = $2, in_environment = $3 WHERE id = $1")
                .bind(id)
                .bind(pool)
                .bind(true)
                .execute(&mut **db)
                .await?;
            if !was_in {
                note(db, subject(), in_environment(false, true), by).await?;
            }
            if before != pool {
                let (before, after) = (place(db, before).await?, place(db, pool).await?);
                let edit =
                    Edit { what: AuditWhat::Pool, before: Some(json!(before)), after: Some(json!(after)) };
                note(db, subject(), edit, by).await?;
            }
        }
        Some(_) => {}
    }
    Ok(())
}

/// Where a pool is, as it is shown.
async fn place(db: &mut Work, pool: i64) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT 'pool ' || name || ', ' || path FROM pool WHERE id = $1")
        .bind(pool)
        .fetch_one(&mut **db)
        .await
}

pub(super) async fn stacks(db: &mut Work) -> sqlx::Result<Vec<Stack>> {
    let mut stacks: Vec<Stack> =
        sqlx::query_as("SELECT * FROM stack_record WHERE environment_id = $1 ORDER BY gid, name")
            .bind(db.environment)
            .fetch_all(&mut **db)
            .await?;
    let sql = format!(
        "SELECT s.id, i.id AS image_id {WANTED}
         WHERE s.environment_id = $1 AND s.in_environment = $2
           AND ({OFFERS_CURRENT}
                OR EXISTS (SELECT 1 FROM offered o WHERE o.image_id = w.image_id AND o.stack_id = w.stack_id))
         ORDER BY i.id"
    );
    let offered: Vec<(StackId, ImageId)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(db.environment).bind(true).fetch_all(&mut **db).await?;
    for (stack, image) in offered {
        stacks.iter_mut().filter(|known| known.id == stack).for_each(|known| known.images.push(image));
    }
    Ok(stacks)
}
