//! Jobs and their events.

use async_trait::async_trait;
use serde_json::Value;
use sqlx::FromRow;

use super::{Database, Work};
use crate::{
    CatalogueError, Job, JobEnd, JobFilter, JobId, JobStatus, Jobs, Schedule, ScheduleId, Schedules,
    Timestamp,
};

#[derive(FromRow)]
struct JobRow {
    id: JobId,
    kind: String,
    operation: String,
    status: JobStatus,
    actor: String,
    schedule_id: Option<ScheduleId>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    worker: Option<String>,
    attempts: i64,
    cancelled_by: Option<String>,
    report: Option<String>,
    problem: Option<String>,
}

impl From<JobRow> for Job {
    fn from(row: JobRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            operation: value(&row.operation),
            status: row.status,
            actor: row.actor,
            schedule: row.schedule_id,
            created_at: row.created_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            worker: row.worker,
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            cancelled_by: row.cancelled_by,
            report: row.report.as_deref().map(value),
            problem: row.problem.as_deref().map(value),
        }
    }
}

/// It was written as JSON, so it can be read as such.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

#[async_trait]
impl Jobs for Database {
    async fn add_job(
        &self,
        kind: &str,
        operation: &Value,
        actor: &str,
        now: &Timestamp,
    ) -> Result<JobId, CatalogueError> {
        let doing = "adding a job";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let id = insert(&mut tx, (kind, operation), actor, None, now).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(id)
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, CatalogueError> {
        let row: Option<JobRow> = sqlx::query_as("SELECT * FROM job WHERE environment_id = $1 AND id = $2")
            .bind(self.environment)
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .map_err(self.failed("reading a job"))?;
        Ok(row.map(Job::from))
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, CatalogueError> {
        let rows: Vec<JobRow> = sqlx::query_as(
            "SELECT * FROM job WHERE environment_id = $1 AND (CAST($2 AS TEXT) IS NULL OR status = $2) AND id < $3
               AND (CAST($4 AS TEXT) IS NULL OR kind = $4)
             ORDER BY id DESC LIMIT $5",
        )
        .bind(self.environment)
        .bind(filter.status)
        .bind(filter.before.unwrap_or(JobId(i64::MAX)))
        .bind(&filter.kind)
        .bind(filter.limit.map_or(i64::MAX, i64::from))
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("listing jobs"))?;
        Ok(rows.into_iter().map(Job::from).collect())
    }

    async fn begin_job(
        &self,
        id: JobId,
        worker: &str,
        now: &Timestamp,
    ) -> Result<Option<Job>, CatalogueError> {
        let doing = "beginning a job";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        sqlx::query(
            "UPDATE job SET status = 'cancelled', ended_at = $3
             WHERE environment_id = $1 AND id = $2 AND status IN ('queued', 'running') AND cancelled_by IS NOT NULL",
        )
        .bind(tx.environment)
        .bind(id)
        .bind(now)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        let row: Option<JobRow> = sqlx::query_as(
            "UPDATE job SET status = 'running', worker = $3, started_at = $4, attempts = attempts + 1
             WHERE environment_id = $1 AND id = $2 AND status IN ('queued', 'running') RETURNING *",
        )
        .bind(tx.environment)
        .bind(id)
        .bind(worker)
        .bind(now)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(row.map(Job::from))
    }

    async fn end_job(
        &self,
        id: JobId,
        worker: &str,
        end: &JobEnd,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        let JobEnd { status, report, problem } = end;
        self.write_one(
            "ending a job",
            sqlx::query(
                "UPDATE job SET status = $4, report = $5, problem = $6, ended_at = $7
             WHERE environment_id = $1 AND id = $2 AND worker = $3 AND status = 'running'",
            )
            .bind(self.environment)
            .bind(id)
            .bind(worker)
            .bind(status)
            .bind(report.as_ref().map(Value::to_string))
            .bind(problem.as_ref().map(Value::to_string))
            .bind(now),
        )
        .await?;
        Ok(())
    }

    async fn hand_back_job(&self, id: JobId, worker: &str) -> Result<(), CatalogueError> {
        self.write_one("handing a job back", sqlx::query(
            "UPDATE job SET status = 'queued', attempts = attempts - 1 WHERE environment_id = $1 AND id = $2 AND worker = $3 AND status = 'running'",
        )
        .bind(self.environment)
        .bind(id)
        .bind(worker)).await?;
        Ok(())
    }

    async fn cancel_job(
        &self,
        id: JobId,
        actor: &str,
        now: &Timestamp,
    ) -> Result<Option<JobStatus>, CatalogueError> {
        let doing = "cancelling a job";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        sqlx::query(
            "UPDATE job SET cancelled_by = $3, ended_at = CASE WHEN status = 'queued' THEN $4 ELSE ended_at END,
                            status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END
             WHERE environment_id = $1 AND id = $2 AND status IN ('queued', 'running') AND cancelled_by IS NULL",
        )
        .bind(tx.environment)
        .bind(id)
        .bind(actor)
        .bind(now)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        let status = sqlx::query_scalar("SELECT status FROM job WHERE environment_id = $1 AND id = $2")
            .bind(tx.environment)
            .bind(id)
            .fetch_optional(&mut *tx)
            .await
            .map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(status)
    }

    async fn cancelled_jobs(&self, of: &[JobId]) -> Result<Vec<JobId>, CatalogueError> {
        let cancelled: Vec<JobId> = sqlx::query_scalar(
            "SELECT id FROM job WHERE environment_id = $1 AND status = 'running' AND cancelled_by IS NOT NULL",
        )
        .bind(self.environment)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("asking which jobs are cancelled"))?;
        Ok(cancelled.into_iter().filter(|id| of.contains(id)).collect())
    }

    async fn add_job_events(&self, id: JobId, records: &[Value]) -> Result<(), CatalogueError> {
        let doing = "recording what happens in a job";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        for record in records {
            sqlx::query(
                "INSERT INTO job_event (job_id, number, record)
                 SELECT $1, (SELECT COALESCE(MAX(number), 0) + 1 FROM job_event WHERE job_id = $1), $2",
            )
            .bind(id)
            .bind(record.to_string())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn remove_jobs(&self, ended_before: &Timestamp, most: u32) -> Result<u64, CatalogueError> {
        self.write_one(
            "forgetting old jobs",
            sqlx::query(
                "DELETE FROM job WHERE id IN (
                     SELECT id FROM job
                     WHERE environment_id = $1 AND status IN ('succeeded', 'failed', 'cancelled') AND ended_at < $2
                     ORDER BY id LIMIT $3)",
            )
            .bind(self.environment)
            .bind(ended_before)
            .bind(i64::from(most)),
        )
        .await
    }

    async fn job_events(
        &self,
        id: JobId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<(u32, Value)>, CatalogueError> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT e.number, e.record FROM job_event e JOIN job j ON j.id = e.job_id
             WHERE j.environment_id = $1 AND e.job_id = $2 AND e.number > $3 ORDER BY e.number LIMIT $4",
        )
        .bind(self.environment)
        .bind(id)
        .bind(i64::from(after))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("reading what happened in a job"))?;
        let read =
            |(number, record): (i64, String)| (u32::try_from(number).unwrap_or(u32::MAX), value(&record));
        Ok(rows.into_iter().map(read).collect())
    }
}

#[derive(FromRow)]
struct ScheduleRow {
    id: ScheduleId,
    every: String,
    operation: String,
    actor: String,
    created_at: Timestamp,
    next_at: Timestamp,
    last_job: Option<JobId>,
}

#[async_trait]
impl Schedules for Database {
    async fn add_schedule(
        &self,
        every: &str,
        operation: &Value,
        actor: &str,
        next_at: &Timestamp,
        now: &Timestamp,
    ) -> Result<ScheduleId, CatalogueError> {
        let doing = "adding a schedule";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let id = sqlx::query_scalar(
            "INSERT INTO schedule (environment_id, every, operation, actor, created_at, next_at)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        )
        .bind(tx.environment)
        .bind(every)
        .bind(operation.to_string())
        .bind(actor)
        .bind(now)
        .bind(next_at)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(id)
    }

    async fn schedules(&self) -> Result<Vec<Schedule>, CatalogueError> {
        let rows: Vec<ScheduleRow> = sqlx::query_as(
            "SELECT s.*, (SELECT MAX(j.id) FROM job j WHERE j.schedule_id = s.id) AS last_job
             FROM schedule s WHERE s.environment_id = $1 ORDER BY s.id",
        )
        .bind(self.environment)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("listing schedules"))?;
        let read = |row: ScheduleRow| Schedule {
            id: row.id,
            every: row.every,
            operation: value(&row.operation),
            actor: row.actor,
            created_at: row.created_at,
            next_at: row.next_at,
            last_job: row.last_job,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    async fn remove_schedule(&self, id: ScheduleId) -> Result<bool, CatalogueError> {
        let removed = self
            .write_one(
                "removing a schedule",
                sqlx::query("DELETE FROM schedule WHERE environment_id = $1 AND id = $2")
                    .bind(self.environment)
                    .bind(id),
            )
            .await?;
        Ok(removed == 1)
    }

    async fn run_schedule(
        &self,
        schedule: &Schedule,
        kind: &str,
        next_at: &Timestamp,
        now: &Timestamp,
    ) -> Result<Option<JobId>, CatalogueError> {
        let doing = "making the job of a schedule";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let ours = sqlx::query(
            "UPDATE schedule SET next_at = $4 WHERE environment_id = $1 AND id = $2 AND next_at = $3",
        )
        .bind(tx.environment)
        .bind(schedule.id)
        .bind(&schedule.next_at)
        .bind(next_at)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if ours.rows_affected() == 0 {
            return Ok(None);
        }
        let is_at_work: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM job WHERE schedule_id = $1 AND status IN ('queued', 'running'))",
        )
        .bind(schedule.id)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        if is_at_work {
            tx.commit().await.map_err(failed)?;
            return Ok(None);
        }
        let what = (kind, &schedule.operation);
        let id = insert(&mut tx, what, &schedule.actor, Some(schedule.id), now).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Some(id))
    }
}

async fn insert(
    tx: &mut Work,
    (kind, operation): (&str, &Value),
    actor: &str,
    schedule: Option<ScheduleId>,
    now: &Timestamp,
) -> sqlx::Result<JobId> {
    sqlx::query_scalar(
        "INSERT INTO job (environment_id, kind, operation, status, actor, schedule_id, created_at)
         VALUES ($1, $2, $3, 'queued', $4, $5, $6) RETURNING id",
    )
    .bind(tx.environment)
    .bind(kind)
    .bind(operation.to_string())
    .bind(actor)
    .bind(schedule)
    .bind(now)
    .fetch_one(&mut **tx)
    .await
}
