//! Stacks: nodes on which machines can start.

use std::fmt;

use async_trait::async_trait;
use ays_model::{Gid, NodeName, PoolKey};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{CatalogueError, ChangedBy, ImageId, Timestamp};

/// A stack's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct StackId(pub i64);

/// What the environment says of a stack. Its grid is its pool's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFacts {
    /// The node's name.
    pub name: NodeName,
    /// Where it finds its templates.
    pub pool: PoolKey,
}

/// A commit of the environment.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CommitFacts {
    /// Its id.
    pub commit_id: String,
    /// When it was committed.
    pub committed_at: Timestamp,
}

/// Whether machines may be started on a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum StackStatus {
    /// They may.
    Enabled,
    /// Not now.
    Maintenance,
    /// An operator took it out, or the environment has it no more.
    Disabled,
}

/// A stack as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Stack {
    /// Its number.
    pub id: StackId,
    /// Its grid.
    #[sqlx(try_from = "i64")]
    pub gid: Gid,
    /// Its node's name.
    #[sqlx(try_from = "String")]
    pub name: NodeName,
    /// Whether machines may be started on it.
    pub status: StackStatus,
    /// Whether the environment has it; one that it has no more is DISABLED, and comes back as operators left it.
    #[serde(rename = "inEnvironment")]
    pub in_environment: bool,
    /// Who said last whether machines may be started on it; none: nobody.
    #[serde(rename = "statusBy")]
    pub status_by: Option<String>,
    /// Why, in that operator's words.
    #[serde(rename = "statusReason")]
    pub status_reason: Option<String>,
    /// What its provider knows it by: its node's name.
    #[serde(rename = "referenceId")]
    pub reference_id: String,
    /// `LIBVIRT`.
    #[serde(rename = "type")]
    #[sqlx(rename = "type")]
    pub kind: String,
    /// The pool that it finds its templates in.
    pub descr: String,
    /// The images that it offers, in order of their numbers.
    #[sqlx(skip)]
    pub images: Vec<ImageId>,
}

/// The stacks of the environment.
#[async_trait]
pub trait Stacks: fmt::Debug + Send + Sync {
    /// The environment's stacks become exactly these, and those named in `leave`, of any grid, which stay as they
    /// are: nodes whose facts cannot be read now. One that is missing is kept as one that the environment has no more: it
    /// offers nothing, and what is wanted on it and what operators said of it is still known when it comes back.
    ///
    /// `from` is the commit that they were read from; none: there is no commit yet. One that is older than the newest that
    /// stacks were ever read from only adds what nobody knows, and changes nothing else: that newest one is returned.
    /// Commits are compared by their times, so that one that was rebased away holds nobody up.
    async fn set_stacks(
        &self,
        stacks: &[StackFacts],
        leave: &[NodeName],
        from: Option<&CommitFacts>,
        by: &ChangedBy,
    ) -> Result<Option<CommitFacts>, CatalogueError>;

    /// All stacks, by grid and name.
    async fn stacks(&self) -> Result<Vec<Stack>, CatalogueError>;
}
