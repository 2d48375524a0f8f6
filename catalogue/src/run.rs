//! Runs: an action on a service instance and a node, from its begin to its end.

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use ays_model::{InstanceName, NodeName, RunAction, TemplateName};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{CatalogueError, ServiceOnNode, Timestamp};

/// A run's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct RunId(pub i64);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum RunEnd {
    /// It did all that it should.
    Succeeded,
    /// It did not.
    Failed,
    /// It was stopped.
    Interrupted,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum RunStatus {
    /// Nobody has ended it. Who ran it may be dead.
    Running,
    /// It did all that it should.
    Succeeded,
    /// It did not.
    Failed,
    /// It was stopped, or another one began before anybody ended it.
    Interrupted,
}

/// A run as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its number; a later run has a higher one.
    pub id: RunId,
    /// What all runs of one command share; none for runs of older versions.
    pub rollout: Option<String>,
    /// The template's name.
    #[sqlx(try_from = "String")]
    pub service: TemplateName,
    /// The instance's name.
    #[sqlx(try_from = "String")]
    pub instance: InstanceName,
    /// The node's name.
    #[sqlx(try_from = "String")]
    pub node: NodeName,
    /// What was done.
    #[sqlx(try_from = "String")]
    pub action: RunAction,
    /// Where it is.
    pub status: RunStatus,
    /// What it ended with, for people.
    pub message: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The path of its log on the machine that ran it; none for runs of older versions.
    pub log: Option<String>,
    /// How long it took, in milliseconds; none while it runs.
    #[sqlx(skip)]
    pub took_ms: Option<u64>,
}

/// Which runs are asked for: those that agree with all that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunFilter<'a> {
    /// A template's name.
    pub service: Option<&'a str>,
    /// A node's name.
    pub node: Option<&'a str>,
    /// What was given to [`crate::Store::begin_run`].
    pub rollout: Option<&'a str>,
    /// No more than so many.
    pub limit: Option<u32>,
}

/// What was run.
#[async_trait]
pub trait Runs: fmt::Debug + Send + Sync {
    /// A run begins. Those of the same service instance and node that nobody ended were interrupted. `rollout` is a
    /// UUID that all runs of one command share; `log` is where its events are written.
    async fn begin_run(
        &self,
        of: &ServiceOnNode,
        action: RunAction,
        rollout: &str,
        log: &Path,
        now: &Timestamp,
    ) -> Result<RunId, CatalogueError>;

    /// A run has ended; `message` may be shown to anyone. One that a later run took for dead ends all the same.
    async fn end_run(
        &self,
        id: RunId,
        end: RunEnd,
        message: Option<&str>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError>;

    /// The runs that agree with the filter, the newest first.
    async fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<Run>, CatalogueError>;
}
