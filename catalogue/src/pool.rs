//! Pools: where copies lie.

use serde::Serialize;
use sqlx::{FromRow, SqliteConnection};

/// Which pool. Another path is another pool: what the old one holds is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, FromRow)]
pub struct PoolKey {
    /// The grid.
    #[sqlx(rename = "pool_gid")]
    pub gid: u32,
    /// Its name in the environment's settings.
    #[sqlx(rename = "pool_name")]
    pub name: String,
    /// Whose disk it is; none: all nodes that name it share it.
    #[sqlx(rename = "pool_node")]
    pub node: Option<String>,
    /// Its directory on the nodes.
    #[sqlx(rename = "pool_path")]
    pub path: String,
}

impl PoolKey {
    /// The pool's row, made when it is not there yet.
    pub(crate) async fn ensure(&self, db: &mut SqliteConnection) -> sqlx::Result<i64> {
        if let Some(id) = self.find(db).await? {
            return Ok(id);
        }
        sqlx::query_scalar("INSERT INTO pool (gid, name, node, path) VALUES (?, ?, ?, ?) RETURNING id")
            .bind(self.gid)
            .bind(&self.name)
            .bind(self.node.as_deref().unwrap_or(""))
            .bind(&self.path)
            .fetch_one(db)
            .await
    }

    pub(crate) async fn find(&self, db: &mut SqliteConnection) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT id FROM pool WHERE gid = ? AND name = ? AND node = ? AND path = ?")
            .bind(self.gid)
            .bind(&self.name)
            .bind(self.node.as_deref().unwrap_or(""))
            .bind(&self.path)
            .fetch_optional(db)
            .await
    }
}
