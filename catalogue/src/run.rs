//! Runs: an action on a service instance and a node, from its begin to its end.

use crate::{Catalogue, CatalogueError, ServiceOnNode, Timestamp};

/// A run's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct RunId(pub i64);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum RunEnd {
    /// It did all that it should.
    Succeeded,
    /// It did not.
    Failed,
    /// It was stopped.
    Interrupted,
}

impl Catalogue {
    /// A run begins. Those of the same service instance and node that nobody ended were interrupted.
    pub async fn begin_run(
        &self,
        of: &ServiceOnNode,
        action: &str,
        now: &Timestamp,
    ) -> Result<RunId, CatalogueError> {
        let doing = "beginning a run";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        sqlx::query(
            "UPDATE run SET status = 'interrupted', ended_at = ?
             WHERE service = ? AND instance = ? AND node = ? AND status = 'running'",
        )
        .bind(now)
        .bind(&of.service)
        .bind(&of.instance)
        .bind(&of.node)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        let id = sqlx::query_scalar(
            "INSERT INTO run (service, instance, node, action, status, started_at)
             VALUES (?, ?, ?, ?, 'running', ?) RETURNING id",
        )
        .bind(&of.service)
        .bind(&of.instance)
        .bind(&of.node)
        .bind(action)
        .bind(now)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(&failed)?;
        Ok(id)
    }

    /// A run has ended; `message` may be shown to anyone. One that a later run took for dead ends all the same.
    pub async fn end_run(
        &self,
        id: RunId,
        end: RunEnd,
        message: Option<&str>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        sqlx::query("UPDATE run SET status = ?, message = ?, ended_at = ? WHERE id = ?")
            .bind(end)
            .bind(message)
            .bind(now)
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(self.failed("ending a run"))?;
        Ok(())
    }
}
