//! Who changed what, when and why.

use std::fmt;

use async_trait::async_trait;
use ays_model::{EnvironmentName, Gid};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CatalogueError, Timestamp};

/// Who changes something, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedBy {
    /// Who: `user@host`.
    pub actor: String,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What kind of thing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AuditSubject {
    /// An image.
    Image,
    /// A stack.
    Stack,
    /// A pool.
    Pool,
    /// A user of the server.
    User,
    /// An account at a cloud.
    Account,
}

/// What of it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "camelCase")]
#[sqlx(type_name = "text", rename_all = "camelCase")]
pub enum AuditWhat {
    /// An image's, or a stack's, state.
    Status,
    /// What its recipe says of an image: those facts that are others now.
    Facts,
    /// An image has a new generation.
    Generation,
    /// The number of an image's current generation.
    Current,
    /// The stacks that an image is wanted on.
    Wanted,
    /// A copy of an image: its file was removed, or was found in its pool.
    Copy,
    /// Whether the environment has a stack.
    InEnvironment,
    /// The pool of a stack.
    Pool,
    /// The entries that were adopted with a pool.
    Adopted,
    /// What a user may do.
    Role,
    /// A user's password.
    Password,
    /// A token of a user, by its name; those of sessions are not told.
    Token,
    /// The fields of an account at a cloud, without its secrets.
    Account,
    /// The licence of what is in an image: somebody has said that it may be published.
    Licence,
}

/// Which changes are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditOf {
    /// All.
    All,
    /// All but those of users, which only admins see.
    AllButUsers,
    /// Those of the images of this name.
    Image(String),
}

/// A change that an operator or an install made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who made it.
    pub actor: String,
    /// Of which environment.
    pub environment: EnvironmentName,
    /// What kind of thing was changed.
    pub subject: AuditSubject,
    /// That thing's grid.
    pub gid: Gid,
    /// Its name.
    pub name: String,
    /// What of it.
    pub what: AuditWhat,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// What it was; none: there was nothing.
    pub before: Option<Value>,
    /// What it is now; none: there is nothing any more.
    pub after: Option<Value>,
}

/// The changes that operators and installs made. Each is written in the transaction that makes the change. What a scrub
/// finds, and locks, are no such changes.
#[async_trait]
pub trait Audits: fmt::Debug + Send + Sync {
    /// The changes, the last first, and no more than `limit`.
    async fn audit(&self, of: &AuditOf, limit: u32) -> Result<Vec<AuditRecord>, CatalogueError>;
}
