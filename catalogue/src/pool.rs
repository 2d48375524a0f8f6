//! Pools: where copies lie.

use ays_model::PoolKey;
use sqlx::FromRow;

/// The columns that name a pool.
#[derive(FromRow)]
pub(crate) struct PoolRow {
    #[sqlx(try_from = "i64")]
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
