//! Runs: an action on a service instance and a node, from its begin to its end.

use serde::Serialize;
use sqlx::FromRow;

use crate::{Catalogue, CatalogueError, ServiceOnNode, Timestamp};

/// A run's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct RunId(pub i64);

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(rename_all = "lowercase")]
pub enum RunStatus {
    /// At work, or its controller died and no later run has noticed.
    Running,
    /// It did all that it should.
    Succeeded,
    /// It did not.
    Failed,
    /// It was stopped, or a later run found that nobody ended it.
    Interrupted,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// It did all that it should.
    Succeeded,
    /// It did not.
    Failed,
    /// It was stopped.
    Interrupted,
}

/// A run as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// What was done (`install`).
    pub action: String,
    /// Where it is.
    pub status: RunStatus,
    /// What its end said.
    pub message: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, or was found without an end.
    pub ended_at: Option<Timestamp>,
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
        let status = match end {
            RunEnd::Succeeded => RunStatus::Succeeded,
            RunEnd::Failed => RunStatus::Failed,
            RunEnd::Interrupted => RunStatus::Interrupted,
        };
        sqlx::query("UPDATE run SET status = ?, message = ?, ended_at = ? WHERE id = ?")
            .bind(status)
            .bind(message)
            .bind(now)
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(self.failed("ending a run"))?;
        Ok(())
    }

    /// All runs of a service instance on a node, the newest first.
    pub async fn runs(&self, of: &ServiceOnNode) -> Result<Vec<Run>, CatalogueError> {
        sqlx::query_as(
            "SELECT id, action, status, message, started_at, ended_at FROM run
             WHERE service = ? AND instance = ? AND node = ? ORDER BY id DESC",
        )
        .bind(&of.service)
        .bind(&of.instance)
        .bind(&of.node)
        .fetch_all(&self.pool)
        .await
        .map_err(self.failed("listing runs"))
    }
}
