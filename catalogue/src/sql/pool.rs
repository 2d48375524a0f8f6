//! Pools: where copies lie.

use ays_model::PoolKey;

use super::Work;

/// The pool's row, made when it is not there yet.
pub(super) async fn ensure(db: &mut Work, pool: &PoolKey) -> sqlx::Result<i64> {
    if let Some(id) = find(db, pool).await? {
        return Ok(id);
    }
    sqlx::query_scalar(
        "INSERT INTO pool (environment_id, gid, name, node, path) VALUES ($1, $2, $3, $4, $5) RETURNING id",
    )
    .bind(db.environment)
    .bind(i64::from(pool.gid.0))
    .bind(pool.name.as_str())
    .bind(pool.node.as_deref().unwrap_or(""))
    .bind(&pool.path)
    .fetch_one(&mut **db)
    .await
}

pub(super) async fn find(db: &mut Work, pool: &PoolKey) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT id FROM pool WHERE environment_id = $1 AND gid = $2 AND name = $3 AND node = $4 AND path = $5")
        .bind(db.environment)
        .bind(i64::from(pool.gid.0))
        .bind(pool.name.as_str())
        .bind(pool.node.as_deref().unwrap_or(""))
        .bind(&pool.path)
        .fetch_optional(&mut **db)
        .await
}
