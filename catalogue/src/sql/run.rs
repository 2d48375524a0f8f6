//! Runs.

use std::path::Path;

use async_trait::async_trait;
use ays_model::RunAction;

use super::Database;
use crate::{CatalogueError, Run, RunEnd, RunFilter, RunId, Runs, ServiceOnNode, Timestamp};

#[async_trait]
impl Runs for Database {
    async fn begin_run(
        &self,
        of: &ServiceOnNode,
        action: RunAction,
        rollout: &str,
        log: &Path,
        now: &Timestamp,
    ) -> Result<RunId, CatalogueError> {
        let doing = "beginning a run";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        sqlx::query(
            "UPDATE run SET status = 'interrupted', ended_at = $1
             WHERE environment_id = $2 AND service = $3 AND instance = $4 AND node = $5 AND status = 'running'",
        )
        .bind(now)
        .bind(tx.environment)
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        let id = sqlx::query_scalar(
            "INSERT INTO run (environment_id, service, instance, node, action, rollout, log, status, started_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8) RETURNING id",
        )
        .bind(tx.environment)
        .bind(of.service.as_str())
        .bind(of.instance.as_str())
        .bind(of.node.as_str())
        .bind(action.as_str())
        .bind(rollout)
        .bind(log.display().to_string())
        .bind(now)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(&failed)?;
        Ok(id)
    }

    async fn end_run(
        &self,
        id: RunId,
        end: RunEnd,
        message: Option<&str>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        sqlx::query("UPDATE run SET status = $1, message = $2, ended_at = $3 WHERE id = $4")
            .bind(end)
            .bind(message)
            .bind(now)
            .bind(id)
            .execute(&self.writer)
            .await
            .map_err(self.failed("ending a run"))?;
        Ok(())
    }

    async fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<Run>, CatalogueError> {
        let mut runs: Vec<Run> = sqlx::query_as(
            "SELECT * FROM run
             WHERE environment_id = $1 AND (CAST($2 AS TEXT) IS NULL OR service = $2)
               AND (CAST($3 AS TEXT) IS NULL OR node = $3) AND (CAST($4 AS TEXT) IS NULL OR rollout = $4)
             ORDER BY id DESC LIMIT $5",
        )
        .bind(self.environment)
        .bind(filter.service)
        .bind(filter.node)
        .bind(filter.rollout)
        .bind(filter.limit.map_or(i64::MAX, i64::from))
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("listing runs"))?;
        for run in &mut runs {
            run.took_ms = run.ended_at.as_ref().and_then(|ended| run.started_at.milliseconds_until(ended));
        }
        Ok(runs)
    }
}
