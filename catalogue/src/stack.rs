//! Stacks: nodes on which machines can start.

use ays_model::{Gid, NodeName, PoolKey};
use serde::Serialize;
use sqlx::{FromRow, SqliteConnection};

use crate::pool::ensure;
use crate::{Catalogue, CatalogueError, ImageId, Timestamp};

/// A stack's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct StackId(pub i64);

/// What the environment says of a stack. Its grid is its pool's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFacts {
    /// The node's name.
    pub name: NodeName,
    /// Where it finds its templates.
    pub pool: PoolKey,
}

/// A commit of the environment.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CommitFacts {
    /// Its id.
    pub commit_id: String,
    /// When it was committed.
    pub committed_at: Timestamp,
}

/// Whether machines may be started on a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(rename_all = "UPPERCASE")]
pub enum StackStatus {
    /// They may.
    Enabled,
    /// Not now.
    Maintenance,
    /// The environment has it no more.
    Disabled,
}

/// A stack as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct Stack {
    /// Its number.
    pub id: StackId,
    /// Its grid.
    #[sqlx(try_from = "u32")]
    pub gid: Gid,
    /// Its node's name.
    #[sqlx(try_from = "String")]
    pub name: NodeName,
    /// Whether machines may be started on it.
    pub status: StackStatus,
    /// What its provider knows it by: its node's name.
    #[serde(rename = "referenceId")]
    pub reference_id: String,
    /// `LIBVIRT`.
    #[serde(rename = "type")]
    #[sqlx(rename = "type")]
    pub kind: String,
    /// The pool that it finds its templates in.
    pub descr: String,
    /// The images that it offers, in order of their numbers.
    #[sqlx(skip)]
    pub images: Vec<ImageId>,
}

impl Catalogue {
    /// The environment's stacks become exactly these, and those named in `leave`, of any grid, which stay as they
    /// are: nodes whose facts cannot be read now. One that is missing is disabled, never deleted: it offers nothing,
    /// and what is wanted on it is still known when it comes back.
    ///
    /// `from` is the commit that they were read from; none: there is no commit yet. One that is older than the newest that
    /// stacks were ever read from only adds what nobody knows, and changes nothing else: that newest one is returned.
    /// Commits are compared by their times, so that one that was rebased away holds nobody up.
    pub async fn set_stacks(
        &self,
        stacks: &[StackFacts],
        leave: &[NodeName],
        from: Option<&CommitFacts>,
    ) -> Result<Option<CommitFacts>, CatalogueError> {
        let doing = "writing the stacks";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let newest: Option<CommitFacts> = sqlx::query_as("SELECT commit_id, committed_at FROM stacks_from")
            .fetch_optional(&mut *tx)
            .await
            .map_err(&failed)?;
        let newer = newest.filter(|newest| from.is_some_and(|from| from.committed_at < newest.committed_at));
        if let (Some(from), None) = (from, &newer) {
            sqlx::query(
                "INSERT INTO stacks_from (id, commit_id, committed_at) VALUES (1, ?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET commit_id = ?1, committed_at = ?2
                 WHERE (commit_id, committed_at) IS NOT (?1, ?2)",
            )
            .bind(&from.commit_id)
            .bind(&from.committed_at)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        let mut kept = Vec::with_capacity(stacks.len());
        for stack in stacks {
            let pool = ensure(&mut tx, &stack.pool).await.map_err(&failed)?;
            // Its pool may be another one now, and it may come back.
            sqlx::query(
                "INSERT INTO stack (gid, name, status, reference_id, pool_id) VALUES (?1, ?2, 'ENABLED', ?2, ?3)
                 ON CONFLICT (gid, name) DO UPDATE SET
                     pool_id = excluded.pool_id,
                     status = CASE status WHEN 'DISABLED' THEN 'ENABLED' ELSE status END
                 WHERE ?4 AND (pool_id <> excluded.pool_id OR status = 'DISABLED')",
            )
            .bind(stack.pool.gid.0)
            .bind(stack.name.as_str())
            .bind(pool)
            .bind(newer.is_none())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
            kept.push((stack.pool.gid.0, stack.name.as_str()));
        }
        if newer.is_some() {
            tx.commit().await.map_err(&failed)?;
            return Ok(newer);
        }
        let known: Vec<(StackId, u32, String)> =
            sqlx::query_as("SELECT id, gid, name FROM stack WHERE status <> 'DISABLED'")
                .fetch_all(&mut *tx)
                .await
                .map_err(&failed)?;
        for (id, gid, name) in known {
            if !kept.contains(&(gid, name.as_str())) && !leave.iter().any(|node| *node == name.as_str()) {
                sqlx::query("UPDATE stack SET status = 'DISABLED' WHERE id = ?")
                    .bind(id)
                    .execute(&mut *tx)
                    .await
                    .map_err(&failed)?;
            }
        }
        tx.commit().await.map_err(&failed)?;
        Ok(None)
    }

    /// All stacks, by grid and name.
    pub async fn stacks(&self) -> Result<Vec<Stack>, CatalogueError> {
        let doing = "listing stacks";
        let mut tx = self.read(doing).await?;
        stacks(&mut tx).await.map_err(self.failed(doing))
    }
}

pub(crate) async fn stacks(db: &mut SqliteConnection) -> sqlx::Result<Vec<Stack>> {
    let mut stacks: Vec<Stack> =
        sqlx::query_as("SELECT * FROM stack_record ORDER BY gid, name").fetch_all(&mut *db).await?;
    let offered: Vec<(StackId, ImageId)> =
        sqlx::query_as("SELECT stack_id, image_id FROM offered ORDER BY image_id").fetch_all(db).await?;
    for (stack, image) in offered {
        stacks.iter_mut().filter(|known| known.id == stack).for_each(|known| known.images.push(image));
    }
    Ok(stacks)
}
