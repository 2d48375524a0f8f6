//! Schedules: operations that are asked for by themselves, again and again.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CatalogueError, JobId, Timestamp};

/// A schedule's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct ScheduleId(pub i64);

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An operation that becomes a job at certain times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Its number.
    pub id: ScheduleId,
    /// When: `daily 03:00`.
    pub every: String,
    /// The operation as JSON.
    pub operation: Value,
    /// Who wants it.
    pub actor: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When the next job is made.
    pub next_at: Timestamp,
    /// The last job that it made.
    pub last_job: Option<JobId>,
}

/// The schedules of an environment.
#[async_trait]
pub trait Schedules: fmt::Debug + Send + Sync {
    /// Writes down a new schedule.
    async fn add_schedule(
        &self,
        every: &str,
        operation: &Value,
        actor: &str,
        next_at: &Timestamp,
        now: &Timestamp,
    ) -> Result<ScheduleId, CatalogueError>;

    /// All schedules, by number.
    async fn schedules(&self) -> Result<Vec<Schedule>, CatalogueError>;

    /// Forgets a schedule; its jobs stay. Whether it was there.
    async fn remove_schedule(&self, id: ScheduleId) -> Result<bool, CatalogueError>;

    /// Makes the job of a schedule that is due, and says when the next one is. Of many that ask, one makes it: none where
    /// somebody else did, or where its last job is not over.
    async fn run_schedule(
        &self,
        schedule: &Schedule,
        kind: &str,
        next_at: &Timestamp,
        now: &Timestamp,
    ) -> Result<Option<JobId>, CatalogueError>;
}
