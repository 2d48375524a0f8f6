//! Jobs: operations that workers do, and what happens in them.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CatalogueError, ScheduleId, Timestamp};

/// A job's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum JobStatus {
    /// No worker has it.
    Queued,
    /// A worker is at it.
    Running,
    /// It did all that it should.
    Succeeded,
    /// It did not.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl JobStatus {
    /// Whether nothing happens in it any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// An operation that a worker does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its number; a later one has a higher one.
    pub id: JobId,
    /// The operation's kind.
    pub kind: String,
    /// The operation as JSON.
    pub operation: Value,
    /// Where it is.
    pub status: JobStatus,
    /// Who asked for it.
    pub actor: String,
    /// The schedule that asked for it; none: a person, or a schedule that is gone.
    pub schedule: Option<ScheduleId>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began it last.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The worker that does it, or did it last.
    pub worker: Option<String>,
    /// How often a worker has begun it: more than once where one was killed or handed it back.
    pub attempts: u32,
    /// Who wanted it to end.
    pub cancelled_by: Option<String>,
    /// What it came to, as `--json` of its command prints it.
    pub report: Option<Value>,
    /// Why not well.
    pub problem: Option<Value>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// Succeeded, failed or cancelled.
    pub status: JobStatus,
    /// What it came to; none: it came to nothing.
    pub report: Option<Value>,
    /// Why not well.
    pub problem: Option<Value>,
}

/// Which jobs are asked for: those that agree with all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Their operations' kind.
    pub kind: Option<String>,
    /// Where they are.
    pub status: Option<JobStatus>,
    /// Only those with a lower number.
    pub before: Option<JobId>,
    /// No more than so many; none: all.
    pub limit: Option<u32>,
}

/// The jobs of an environment. Which worker does which is the queue's; this is what is known of them.
#[async_trait]
pub trait Jobs: fmt::Debug + Send + Sync {
    /// Writes down a new job.
    async fn add_job(
        &self,
        kind: &str,
        operation: &Value,
        actor: &str,
        now: &Timestamp,
    ) -> Result<JobId, CatalogueError>;

    /// A job by its number.
    async fn job(&self, id: JobId) -> Result<Option<Job>, CatalogueError>;

    /// The jobs that agree with the filter, the newest first.
    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, CatalogueError>;

    /// A worker begins a job, or goes on with it. None: it is over, or is to be cancelled and is so now.
    async fn begin_job(
        &self,
        id: JobId,
        worker: &str,
        now: &Timestamp,
    ) -> Result<Option<Job>, CatalogueError>;

    /// It has ended, unless another worker has it by now: then nothing is changed.
    async fn end_job(
        &self,
        id: JobId,
        worker: &str,
        end: &JobEnd,
        now: &Timestamp,
    ) -> Result<(), CatalogueError>;

    /// A worker gives it back unfinished, for another one to go on.
    async fn hand_back_job(&self, id: JobId, worker: &str) -> Result<(), CatalogueError>;

    /// Somebody wants it to end: one that no worker has is over at once. What it is now; none: there is no such job.
    async fn cancel_job(
        &self,
        id: JobId,
        actor: &str,
        now: &Timestamp,
    ) -> Result<Option<JobStatus>, CatalogueError>;

    /// Those of these jobs that somebody wants to end.
    async fn cancelled_jobs(&self, of: &[JobId]) -> Result<Vec<JobId>, CatalogueError>;

    /// More has happened in a job.
    async fn add_job_events(&self, id: JobId, records: &[Value]) -> Result<(), CatalogueError>;

    /// Forgets jobs that were over before `ended_before`, the oldest first, with what happened in them, and no more than `most`;
    /// how many these were.
    async fn remove_jobs(&self, ended_before: &Timestamp, most: u32) -> Result<u64, CatalogueError>;

    /// What happened in a job after its event of this number, each with its number, and no more than `limit`.
    async fn job_events(
        &self,
        id: JobId,
        after: u32,
        limit: u32,
    ) -> Result<Vec<(u32, Value)>, CatalogueError>;
}
