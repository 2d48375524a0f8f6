//! Users and tokens.

use async_trait::async_trait;
use serde_json::json;

use super::audit::{Edit, note_user};
use super::{Database, Work};
use crate::{
    Account, AccountChange, Accounts, AuditWhat, CatalogueError, NewToken, Role, SESSION, Timestamp, Token,
    TokenId,
};

const TOKEN: &str = "SELECT t.id, a.name AS account, t.name, t.role, t.created_at, t.expires_at, t.revoked_at
                     FROM token t JOIN account a ON a.id = t.account_id";

#[async_trait]
impl Accounts for Database {
    async fn add_account(
        &self,
        name: &str,
        role: Role,
        by: &str,
        now: &Timestamp,
    ) -> Result<bool, CatalogueError> {
        let doing = "adding a user";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let added = sqlx::query(
            "INSERT INTO account (environment_id, name, role, created_at, created_by) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (environment_id, name) DO NOTHING",
        )
        .bind(tx.environment)
        .bind(name)
        .bind(role)
        .bind(now)
        .bind(by)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if added.rows_affected() == 0 {
            return Ok(false);
        }
        let edit = Edit { what: AuditWhat::Role, before: None, after: Some(json!(role)) };
        note_user(&mut tx, name, edit, by, now).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn set_role(
        &self,
        name: &str,
        role: Role,
        by: &str,
        now: &Timestamp,
    ) -> Result<AccountChange, CatalogueError> {
        let doing = "setting a user's role";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        if role != Role::Admin && is_last_admin(&mut tx, name).await.map_err(&failed)? {
            return Ok(AccountChange::LastAdmin);
        }
        let Some(before) = role_of(&mut tx, name).await.map_err(&failed)? else {
            return Ok(AccountChange::Unknown);
        };
        sqlx::query("UPDATE account SET role = $3 WHERE environment_id = $1 AND name = $2")
            .bind(tx.environment)
            .bind(name)
            .bind(role)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        if before != role {
            let edit = Edit { what: AuditWhat::Role, before: Some(json!(before)), after: Some(json!(role)) };
            note_user(&mut tx, name, edit, by, now).await.map_err(&failed)?;
        }
        if role < Role::Operator {
            cancel_queued(&mut tx, name, by, now).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(AccountChange::Made)
    }

    async fn set_password(
        &self,
        name: &str,
        hash: &str,
        by: &str,
        now: &Timestamp,
    ) -> Result<bool, CatalogueError> {
        let doing = "setting a user's password";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let set = sqlx::query("UPDATE account SET password = $3 WHERE environment_id = $1 AND name = $2")
            .bind(tx.environment)
            .bind(name)
            .bind(hash)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        if set.rows_affected() == 0 {
            return Ok(false);
        }
        let edit = Edit { what: AuditWhat::Password, before: None, after: Some(json!("changed")) };
        note_user(&mut tx, name, edit, by, now).await.map_err(&failed)?;
        // Whoever knew the old password may have signed in with it.
        sqlx::query(
            "UPDATE token SET revoked_at = $4 WHERE name = $3 AND revoked_at IS NULL
               AND account_id IN (SELECT id FROM account WHERE environment_id = $1 AND name = $2)",
        )
        .bind(tx.environment)
        .bind(name)
        .bind(SESSION)
        .bind(now)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn remove_account(
        &self,
        name: &str,
        by: &str,
        now: &Timestamp,
    ) -> Result<AccountChange, CatalogueError> {
        let doing = "removing a user";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        if is_last_admin(&mut tx, name).await.map_err(&failed)? {
            return Ok(AccountChange::LastAdmin);
        }
        let Some(before) = role_of(&mut tx, name).await.map_err(&failed)? else {
            return Ok(AccountChange::Unknown);
        };
        sqlx::query("DELETE FROM account WHERE environment_id = $1 AND name = $2")
            .bind(tx.environment)
            .bind(name)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        let edit = Edit { what: AuditWhat::Role, before: Some(json!(before)), after: None };
        note_user(&mut tx, name, edit, by, now).await.map_err(&failed)?;
        // They would go on with the rights that the user had.
        sqlx::query("DELETE FROM schedule WHERE environment_id = $1 AND actor = $2")
            .bind(tx.environment)
            .bind(name)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        cancel_queued(&mut tx, name, by, now).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(AccountChange::Made)
    }

    async fn accounts(&self) -> Result<Vec<Account>, CatalogueError> {
        sqlx::query_as(
            "SELECT name, role, password IS NOT NULL AS has_password, created_at, created_by
             FROM account WHERE environment_id = $1 ORDER BY name",
        )
        .bind(self.environment)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("listing users"))
    }

    async fn password(&self, name: &str) -> Result<Option<(Role, String)>, CatalogueError> {
        sqlx::query_as(
            "SELECT role, password FROM account WHERE environment_id = $1 AND name = $2 AND password IS NOT NULL",
        )
        .bind(self.environment)
        .bind(name)
        .fetch_optional(&self.readers)
        .await
        .map_err(self.failed("reading a user"))
    }

    async fn add_token(
        &self,
        new: &NewToken<'_>,
        by: &str,
        now: &Timestamp,
    ) -> Result<Option<Token>, CatalogueError> {
        let doing = "adding a token";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let id: Option<TokenId> = sqlx::query_scalar(
            "INSERT INTO token (account_id, name, hash, role, created_at, expires_at)
             SELECT id, $3, $4, $5, $6, $7 FROM account WHERE environment_id = $1 AND name = $2 RETURNING id",
        )
        .bind(tx.environment)
        .bind(new.account)
        .bind(new.name)
        .bind(new.hash)
        .bind(new.role)
        .bind(now)
        .bind(&new.expires_at)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        if id.is_some() && new.name != SESSION {
            let token = json!({"name": new.name, "role": new.role, "until": new.expires_at});
            let edit = Edit { what: AuditWhat::Token, before: None, after: Some(token) };
            note_user(&mut tx, new.account, edit, by, now).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(failed)?;
        let tokens = self.tokens(Some(new.account)).await?;
        Ok(tokens.into_iter().find(|token| Some(token.id) == id))
    }

    async fn tokens(&self, account: Option<&str>) -> Result<Vec<Token>, CatalogueError> {
        let sql = format!(
            "{TOKEN} WHERE a.environment_id = $1 AND (CAST($2 AS TEXT) IS NULL OR a.name = $2) ORDER BY t.id"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(self.environment)
            .bind(account)
            .fetch_all(&self.readers)
            .await
            .map_err(self.failed("listing tokens"))
    }

    async fn revoke_token(&self, id: TokenId, by: &str, now: &Timestamp) -> Result<bool, CatalogueError> {
        let doing = "revoking a token";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let found: Option<(String, String)> = sqlx::query_as(
            "SELECT a.name AS account, t.name FROM token t JOIN account a ON a.id = t.account_id
             WHERE a.environment_id = $1 AND t.id = $2 AND t.revoked_at IS NULL",
        )
        .bind(tx.environment)
        .bind(id)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        let Some((account, name)) = found else { return Ok(false) };
        sqlx::query("UPDATE token SET revoked_at = $2 WHERE id = $1")
            .bind(id)
            .bind(now)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        if name != SESSION {
            let edit = Edit { what: AuditWhat::Token, before: Some(json!({"name": name})), after: None };
            note_user(&mut tx, &account, edit, by, now).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn remove_tokens(&self, dead_before: &Timestamp) -> Result<u64, CatalogueError> {
        self.write_one(
            "forgetting old tokens",
            sqlx::query(
                "DELETE FROM token WHERE (revoked_at < $2 OR expires_at < $2)
                   AND account_id IN (SELECT id FROM account WHERE environment_id = $1)",
            )
            .bind(self.environment)
            .bind(dead_before),
        )
        .await
    }

    async fn let_in(&self, hash: &str, now: &Timestamp) -> Result<Option<(String, Role)>, CatalogueError> {
        let found: Option<(String, Role, Role)> = sqlx::query_as(
            "SELECT a.name, a.role, t.role AS token_role FROM token t JOIN account a ON a.id = t.account_id
             WHERE a.environment_id = $1 AND t.hash = $2 AND t.revoked_at IS NULL
               AND (t.expires_at IS NULL OR t.expires_at > $3)",
        )
        .bind(self.environment)
        .bind(hash)
        .bind(now)
        .fetch_optional(&self.readers)
        .await
        .map_err(self.failed("reading a token"))?;
        Ok(found.map(|(name, account, token)| (name, account.min(token))))
    }
}

/// What a user may do; none: there is no such user.
async fn role_of(tx: &mut Work, name: &str) -> sqlx::Result<Option<Role>> {
    sqlx::query_scalar("SELECT role FROM account WHERE environment_id = $1 AND name = $2")
        .bind(tx.environment)
        .bind(name)
        .fetch_optional(&mut **tx)
        .await
}

/// Whether nobody could say who may what without this user.
async fn is_last_admin(tx: &mut Work, name: &str) -> sqlx::Result<bool> {
    let admins: Vec<String> =
        sqlx::query_scalar("SELECT name FROM account WHERE environment_id = $1 AND role = 'admin'")
            .bind(tx.environment)
            .fetch_all(&mut **tx)
            .await?;
    Ok(admins == [name])
}

/// Nothing begins any more with the rights that a user had.
async fn cancel_queued(tx: &mut Work, name: &str, by: &str, now: &Timestamp) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE job SET status = 'cancelled', cancelled_by = $3, ended_at = $4
         WHERE environment_id = $1 AND actor = $2 AND status = 'queued'",
    )
    .bind(tx.environment)
    .bind(name)
    .bind(by)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}
