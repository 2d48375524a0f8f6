//! Who may ask a server for what: users and their tokens. No password and no token is here, only what proves one.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{CatalogueError, Timestamp};

/// What somebody may do; who may more may all that who may less may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Role {
    /// Look at everything but users.
    Viewer,
    /// Ask for operations.
    Operator,
    /// Say who may what.
    Admin,
}

/// A word that is no role.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no role: viewer, operator and admin are")]
pub struct NoRole(String);

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(word: &str) -> Result<Self, NoRole> {
        match word {
            "viewer" => Ok(Self::Viewer),
            "operator" => Ok(Self::Operator),
            "admin" => Ok(Self::Admin),
            other => Err(NoRole(other.to_owned())),
        }
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether a password lets it in; else only tokens do.
    pub has_password: bool,
    /// Since when it is known.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// What came of a change of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountChange {
    /// It is made.
    Made,
    /// There is no such user.
    Unknown,
    /// Nobody could say who may what any more.
    LastAdmin,
}

/// The name of those tokens that are sessions of a browser.
pub const SESSION: &str = "portal";

/// A token's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct TokenId(pub i64);

/// A token, by which a program is let in as its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// Its user.
    pub account: String,
    /// What it is for.
    pub name: String,
    /// What it may do, and never more than its user.
    pub role: Role,
    /// Since when it is known.
    pub created_at: Timestamp,
    /// Until when it lets in; none: until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A new token, of which only the hash is kept.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// Its user.
    pub account: &'a str,
    /// What it is for.
    pub name: &'a str,
    /// SHA-256 of it, hexadecimal.
    pub hash: &'a str,
    /// What it may do.
    pub role: Role,
    /// Until when it lets in.
    pub expires_at: Option<Timestamp>,
}

/// Users and tokens.
#[async_trait]
pub trait Accounts: fmt::Debug + Send + Sync {
    /// Makes a user; false: one of this name is there.
    async fn add_account(
        &self,
        name: &str,
        role: Role,
        by: &str,
        now: &Timestamp,
    ) -> Result<bool, CatalogueError>;

    /// Gives a user another role. Of whoever may only look from now on, what waits is cancelled.
    async fn set_role(
        &self,
        name: &str,
        role: Role,
        by: &str,
        now: &Timestamp,
    ) -> Result<AccountChange, CatalogueError>;

    /// Sets what proves a user's password, an Argon2 hash as PHC string, and ends its sessions. False: there is no
    /// such user.
    async fn set_password(
        &self,
        name: &str,
        hash: &str,
        by: &str,
        now: &Timestamp,
    ) -> Result<bool, CatalogueError>;

    /// Forgets a user, its tokens and its schedules, and cancels what waits of theirs.
    async fn remove_account(
        &self,
        name: &str,
        by: &str,
        now: &Timestamp,
    ) -> Result<AccountChange, CatalogueError>;

    /// All users, by name.
    async fn accounts(&self) -> Result<Vec<Account>, CatalogueError>;

    /// What a user may do, and what proves its password.
    async fn password(&self, name: &str) -> Result<Option<(Role, String)>, CatalogueError>;

    /// Makes a token; none: there is no such user.
    async fn add_token(
        &self,
        new: &NewToken<'_>,
        by: &str,
        now: &Timestamp,
    ) -> Result<Option<Token>, CatalogueError>;

    /// The tokens of a user, or of all.
    async fn tokens(&self, account: Option<&str>) -> Result<Vec<Token>, CatalogueError>;

    /// Takes a token back; false: there is none of this number that lets in.
    async fn revoke_token(&self, id: TokenId, by: &str, now: &Timestamp) -> Result<bool, CatalogueError>;

    /// Forgets the tokens that have let nobody in since before then; how many these were.
    async fn remove_tokens(&self, dead_before: &Timestamp) -> Result<u64, CatalogueError>;

    /// Who has the token of this hash, and what it may do; none: it lets nobody in.
    async fn let_in(&self, hash: &str, now: &Timestamp) -> Result<Option<(String, Role)>, CatalogueError>;
}
