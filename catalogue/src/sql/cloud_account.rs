//! Accounts at clouds.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::FromRow;

use super::audit::{Edit, Subject, note};
use super::{Database, Work};
use crate::{
    AuditSubject, AuditWhat, CatalogueError, ChangedBy, CloudAccount, CloudAccounts, NewCloudAccount,
    Timestamp,
};

#[derive(FromRow)]
struct AccountRow {
    name: String,
    target: String,
    fields: String,
    secrets: String,
    created_at: Timestamp,
    created_by: String,
    tested_at: Option<Timestamp>,
    problem: Option<String>,
}

impl From<AccountRow> for CloudAccount {
    fn from(row: AccountRow) -> Self {
        Self {
            name: row.name,
            target: row.target,
            fields: read_fields(&row.fields),
            // Written as JSON below, so it can be read as such.
            secrets: serde_json::from_str(&row.secrets).unwrap_or_default(),
            created_at: row.created_at,
            created_by: row.created_by,
            tested_at: row.tested_at,
            problem: row.problem,
        }
    }
}

/// Fields as a column holds them.
pub(super) fn write_fields(fields: &BTreeMap<String, String>) -> String {
    json!(fields).to_string()
}

/// The same, read again: only [`write_fields`] has written them.
pub(super) fn read_fields(column: &str) -> BTreeMap<String, String> {
    serde_json::from_str(column).unwrap_or_default()
}

#[async_trait]
impl CloudAccounts for Database {
    async fn add_cloud_account(
        &self,
        new: &NewCloudAccount,
        by: &str,
        now: &Timestamp,
    ) -> Result<bool, CatalogueError> {
        let doing = "adding an account";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let added = sqlx::query(
            "INSERT INTO cloud_account (environment_id, name, target, fields, secrets, created_at, created_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (environment_id, name) DO NOTHING",
        )
        .bind(tx.environment)
        .bind(&new.name)
        .bind(&new.target)
        .bind(write_fields(&new.fields))
        .bind(json!(new.secrets).to_string())
        .bind(now)
        .bind(by)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if added.rows_affected() == 0 {
            return Ok(false);
        }
        let after = json!({"target": new.target, "fields": new.fields});
        note_account(&mut tx, &new.name, (None, Some(after)), by, now).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn cloud_accounts(&self) -> Result<Vec<CloudAccount>, CatalogueError> {
        let rows: Vec<AccountRow> =
            sqlx::query_as("SELECT * FROM cloud_account WHERE environment_id = $1 ORDER BY name")
                .bind(self.environment)
                .fetch_all(&self.readers)
                .await
                .map_err(self.failed("listing accounts"))?;
        Ok(rows.into_iter().map(CloudAccount::from).collect())
    }

    async fn cloud_account_tested(
        &self,
        name: &str,
        problem: Option<&str>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        self.write_one(
            "noting the test of an account",
            sqlx::query(
                "UPDATE cloud_account SET tested_at = $3, problem = $4 WHERE environment_id = $1 AND name = $2",
            )
            .bind(self.environment)
            .bind(name)
            .bind(now)
            .bind(problem),
        )
        .await?;
        Ok(())
    }

    async fn remove_cloud_account(
        &self,
        name: &str,
        by: &str,
        now: &Timestamp,
    ) -> Result<bool, CatalogueError> {
        let doing = "removing an account";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let removed: Option<(String, String)> = sqlx::query_as(
            "DELETE FROM cloud_account WHERE environment_id = $1 AND name = $2 RETURNING target, fields",
        )
        .bind(tx.environment)
        .bind(name)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        let Some((target, fields)) = removed else { return Ok(false) };
        let before = json!({"target": target, "fields": read_fields(&fields)});
        note_account(&mut tx, name, (Some(before), None), by, now).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }
}

/// Notes a change of an account, which is in no grid.
async fn note_account(
    db: &mut Work,
    name: &str,
    (before, after): (Option<Value>, Option<Value>),
    by: &str,
    now: &Timestamp,
) -> sqlx::Result<()> {
    let by = ChangedBy { actor: by.to_owned(), reason: None, at: now.clone() };
    let subject = Subject { kind: AuditSubject::Account, gid: 0, name };
    note(db, subject, Edit { what: AuditWhat::Account, before, after }, &by).await
}
