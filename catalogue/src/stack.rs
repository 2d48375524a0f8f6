//! Stacks: nodes on which machines can start.

use serde::Serialize;
use sqlx::{FromRow, SqliteConnection};

use crate::{Catalogue, CatalogueError, ImageId, PoolKey};

/// A stack's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct StackId(pub i64);

/// What the environment says of a stack. Its grid is its pool's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFacts {
    /// The node's name.
    pub name: String,
    /// Where it finds its templates.
    pub pool: PoolKey,
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
    pub gid: u32,
    /// Its node's name.
    pub name: String,
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
    pub async fn set_stacks(&self, stacks: &[StackFacts], leave: &[String]) -> Result<(), CatalogueError> {
        let doing = "writing the stacks";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let mut kept = Vec::with_capacity(stacks.len());
        for stack in stacks {
            let pool = stack.pool.ensure(&mut tx).await.map_err(&failed)?;
            // Its pool may be another one now, and it may come back.
            sqlx::query(
                "INSERT INTO stack (gid, name, status, reference_id, pool_id) VALUES (?1, ?2, 'ENABLED', ?2, ?3)
                 ON CONFLICT (gid, name) DO UPDATE SET
                     pool_id = excluded.pool_id,
                     status = CASE status WHEN 'DISABLED' THEN 'ENABLED' ELSE status END
                 WHERE pool_id <> excluded.pool_id OR status = 'DISABLED'",
            )
            .bind(stack.pool.gid)
            .bind(&stack.name)
            .bind(pool)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
            kept.push((stack.pool.gid, stack.name.as_str()));
        }
        let known: Vec<(StackId, u32, String)> =
            sqlx::query_as("SELECT id, gid, name FROM stack WHERE status <> 'DISABLED'")
                .fetch_all(&mut *tx)
                .await
                .map_err(&failed)?;
        for (id, gid, name) in known {
            if !kept.contains(&(gid, name.as_str())) && !leave.contains(&name) {
                sqlx::query("UPDATE stack SET status = 'DISABLED' WHERE id = ?")
                    .bind(id)
                    .execute(&mut *tx)
                    .await
                    .map_err(&failed)?;
            }
        }
        tx.commit().await.map_err(&failed)
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
