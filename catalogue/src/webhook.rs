//! Webhooks: addresses that are told of changes after the fact.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{AuditRecord, CatalogueError, Timestamp};

/// A webhook's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct WebhookId(pub i64);

/// An address that is told of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its number.
    pub id: WebhookId,
    /// Where it is.
    pub url: String,
    /// The name of the secret that signs what it is told.
    pub secret: String,
    /// Who wants it.
    pub actor: String,
    /// Since when.
    pub created_at: Timestamp,
    /// The number of the last change that it was told of, or that was there before it; none: there was none.
    pub told: Option<i64>,
    /// How often in a row it did not take what it was told.
    pub failures: i64,
    /// Nobody tells it anything before.
    pub next_at: Timestamp,
    /// Why it did not take it the last time; none: it did.
    pub problem: Option<String>,
    /// When it took something last.
    pub delivered_at: Option<Timestamp>,
    /// How many changes it has not been told of yet.
    pub waiting: i64,
}

/// Who is told of changes.
#[async_trait]
pub trait Webhooks: fmt::Debug + Send + Sync {
    /// Tells an address of all changes from now on.
    async fn add_webhook(
        &self,
        url: &str,
        secret: &str,
        actor: &str,
        now: &Timestamp,
    ) -> Result<WebhookId, CatalogueError>;

    /// All webhooks, by number.
    async fn webhooks(&self) -> Result<Vec<Webhook>, CatalogueError>;

    /// Tells it nothing any more. Whether it was there.
    async fn remove_webhook(&self, id: WebhookId) -> Result<bool, CatalogueError>;

    /// Takes a webhook on to be told, until `until`: of many that ask, one has it. What it is to be told, in the order in which it
    /// happened, no more than `limit`; none: it has nothing to be told, is not due, or somebody else has it.
    async fn claim_webhook(
        &self,
        id: WebhookId,
        limit: u32,
        until: &Timestamp,
        now: &Timestamp,
    ) -> Result<Vec<AuditRecord>, CatalogueError>;

    /// It was told of all up to this change, by whoever has it until `until`.
    async fn webhook_told(
        &self,
        id: WebhookId,
        told: i64,
        until: &Timestamp,
        now: &Timestamp,
    ) -> Result<(), CatalogueError>;

    /// It did not take it, because of this; it is told again at `next_at`. As with [`Webhooks::webhook_told`], only who has it says so.
    async fn webhook_failed(
        &self,
        id: WebhookId,
        problem: &str,
        until: &Timestamp,
        next_at: &Timestamp,
    ) -> Result<(), CatalogueError>;
}
