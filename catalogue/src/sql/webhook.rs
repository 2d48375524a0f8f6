//! Webhooks.

use async_trait::async_trait;

use super::{Database, audit};
use crate::{AuditRecord, CatalogueError, Timestamp, Webhook, WebhookId, Webhooks};

#[async_trait]
impl Webhooks for Database {
    async fn add_webhook(
        &self,
        url: &str,
        secret: &str,
        actor: &str,
        now: &Timestamp,
    ) -> Result<WebhookId, CatalogueError> {
        let doing = "adding a webhook";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let id = sqlx::query_scalar(
            "INSERT INTO webhook (environment_id, url, secret, actor, created_at, next_at, told)
             SELECT $1, $2, $3, $4, $5, $5, MAX(id) FROM audit WHERE environment_id = $1 RETURNING id",
        )
        .bind(tx.environment)
        .bind(url)
        .bind(secret)
        .bind(actor)
        .bind(now)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(id)
    }

    async fn webhooks(&self) -> Result<Vec<Webhook>, CatalogueError> {
        sqlx::query_as(
            "SELECT w.*, (SELECT COUNT(*) FROM audit a WHERE a.environment_id = w.environment_id AND a.id > COALESCE(w.told, 0)
                            AND a.subject <> 'user')
                         AS waiting
             FROM webhook w WHERE w.environment_id = $1 ORDER BY w.id",
        )
        .bind(self.environment)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("listing webhooks"))
    }

    async fn remove_webhook(&self, id: WebhookId) -> Result<bool, CatalogueError> {
        let removed = self
            .write_one(
                "removing a webhook",
                sqlx::query("DELETE FROM webhook WHERE environment_id = $1 AND id = $2")
                    .bind(self.environment)
                    .bind(id),
            )
            .await?;
        Ok(removed == 1)
    }

    async fn claim_webhook(
        &self,
        id: WebhookId,
        limit: u32,
        until: &Timestamp,
        now: &Timestamp,
    ) -> Result<Vec<AuditRecord>, CatalogueError> {
        let doing = "taking on a webhook";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let told: Option<Option<i64>> = sqlx::query_scalar(
            "UPDATE webhook SET next_at = $3
             WHERE environment_id = $1 AND id = $2 AND next_at <= $4 RETURNING told",
        )
        .bind(tx.environment)
        .bind(id)
        .bind(until)
        .bind(now)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        let Some(told) = told else { return Ok(Vec::new()) };
        let changes = audit::after(&mut tx, told.unwrap_or(0), limit).await.map_err(&failed)?;
        // With nothing to be told it is nobody's.
        if !changes.is_empty() {
            tx.commit().await.map_err(failed)?;
        }
        Ok(changes)
    }

    async fn webhook_told(
        &self,
        id: WebhookId,
        told: i64,
        until: &Timestamp,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        self.write_one(
            "noting what a webhook was told",
            sqlx::query(
                "UPDATE webhook SET told = $3, failures = 0, problem = NULL, next_at = $4, delivered_at = $4
             WHERE environment_id = $1 AND id = $2 AND next_at = $5",
            )
            .bind(self.environment)
            .bind(id)
            .bind(told)
            .bind(now)
            .bind(until),
        )
        .await?;
        Ok(())
    }

    async fn webhook_failed(
        &self,
        id: WebhookId,
        problem: &str,
        until: &Timestamp,
        next_at: &Timestamp,
    ) -> Result<(), CatalogueError> {
        self.write_one(
            "noting that a webhook failed",
            sqlx::query(
                "UPDATE webhook SET failures = failures + 1, problem = $3, next_at = $4
             WHERE environment_id = $1 AND id = $2 AND next_at = $5",
            )
            .bind(self.environment)
            .bind(id)
            .bind(problem)
            .bind(next_at)
            .bind(until),
        )
        .await?;
        Ok(())
    }
}
