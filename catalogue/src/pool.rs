//! Pools: where copies lie.

use ays_model::PoolKey;
use sqlx::{FromRow, SqliteConnection};

/// The columns that name a pool.
#[derive(FromRow)]
pub(crate) struct PoolRow {
    pool_gid: u32,
    pool_name: String,
    pool_node: Option<String>,
    pool_path: String,
}

impl From<PoolRow> for PoolKey {
    fn from(row: PoolRow) -> Self {
        Self {
            gid: row.pool_gid.into(),
            name: row.pool_name.into(),
            node: row.pool_node.map(Into::into),
            path: row.pool_path,
        }
    }
}

/// The pool's row, made when it is not there yet.
pub(crate) async fn ensure(db: &mut SqliteConnection, pool: &PoolKey) -> sqlx::Result<i64> {
    if let Some(id) = find(db, pool).await? {
        return Ok(id);
    }
    sqlx::query_scalar("INSERT INTO pool (gid, name, node, path) VALUES (?, ?, ?, ?) RETURNING id")
        .bind(pool.gid.0)
        .bind(pool.name.as_str())
        .bind(pool.node.as_deref().unwrap_or(""))
        .bind(&pool.path)
        .fetch_one(db)
        .await
}

pub(crate) async fn find(db: &mut SqliteConnection, pool: &PoolKey) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT id FROM pool WHERE gid = ? AND name = ? AND node = ? AND path = ?")
        .bind(pool.gid.0)
        .bind(pool.name.as_str())
        .bind(pool.node.as_deref().unwrap_or(""))
        .bind(&pool.path)
        .fetch_optional(db)
        .await
}
