//! Who changed what.

use async_trait::async_trait;
use ays_model::{EnvironmentName, Gid};
use serde_json::Value;
use sqlx::FromRow;

use super::{Database, Work};
use crate::{
    AuditOf, AuditRecord, AuditSubject, AuditWhat, Audits, CatalogueError, ChangedBy, ImageId, Timestamp,
};

#[derive(FromRow)]
struct AuditRow {
    id: i64,
    at: Timestamp,
    actor: String,
    environment: String,
    subject: AuditSubject,
    #[sqlx(try_from = "i64")]
    gid: Gid,
    name: String,
    what: AuditWhat,
    reason: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

#[async_trait]
impl Audits for Database {
    async fn audit(&self, of: &AuditOf, limit: u32) -> Result<Vec<AuditRecord>, CatalogueError> {
        let image = match of {
            AuditOf::Image(name) => Some(name),
            AuditOf::All | AuditOf::AllButUsers => None,
        };
        let rows: Vec<AuditRow> = sqlx::query_as(
            "SELECT a.*, e.name AS environment FROM audit a JOIN environment e ON e.id = a.environment_id
             WHERE a.environment_id = $1 AND (CAST($2 AS TEXT) IS NULL OR (a.subject = 'image' AND a.name = $2))
               AND (a.subject <> 'user' OR $3 = 1)
             ORDER BY a.id DESC LIMIT $4",
        )
        .bind(self.environment)
        .bind(image)
        .bind(i64::from(*of == AuditOf::All))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("listing changes"))?;
        Ok(rows.into_iter().map(AuditRecord::from).collect())
    }
}

impl From<AuditRow> for AuditRecord {
    fn from(row: AuditRow) -> Self {
        // Written as JSON below, so it can be read as such.
        let value = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            id: row.id,
            at: row.at,
            actor: row.actor,
            environment: EnvironmentName::from(row.environment),
            subject: row.subject,
            gid: row.gid,
            name: row.name,
            what: row.what,
            reason: row.reason,
            before: value(row.before),
            after: value(row.after),
        }
    }
}

/// The changes after the one of this number, in the order in which they were made; those of users are nobody's affair.
pub(super) async fn after(db: &mut Work, id: i64, limit: u32) -> sqlx::Result<Vec<AuditRecord>> {
    let rows: Vec<AuditRow> = sqlx::query_as(
        "SELECT a.*, e.name AS environment FROM audit a JOIN environment e ON e.id = a.environment_id
         WHERE a.environment_id = $1 AND a.id > $2 AND a.subject <> 'user' ORDER BY a.id LIMIT $3",
    )
    .bind(db.environment)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(&mut **db)
    .await?;
    Ok(rows.into_iter().map(AuditRecord::from).collect())
}

/// What was changed.
pub(super) struct Subject<'a> {
    pub kind: AuditSubject,
    pub gid: i64,
    pub name: &'a str,
}

/// From what to what.
pub(super) struct Edit {
    pub what: AuditWhat,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Notes a change, in the transaction that makes it.
pub(super) async fn note(
    db: &mut Work,
    subject: Subject<'_>,
    edit: Edit,
    by: &ChangedBy,
) -> sqlx::Result<()> {
    let json = |value: Option<Value>| value.map(|value| value.to_string());
    sqlx::query(
        "INSERT INTO audit (environment_id, at, actor, subject, gid, name, what, reason, before, after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(db.environment)
    .bind(&by.at)
    .bind(&by.actor)
    .bind(subject.kind)
    .bind(subject.gid)
    .bind(subject.name)
    .bind(edit.what)
    .bind(&by.reason)
    .bind(json(edit.before))
    .bind(json(edit.after))
    .execute(&mut **db)
    .await
    .map(drop)
}

/// The same of a user, who is in no grid.
pub(super) async fn note_user(
    db: &mut Work,
    name: &str,
    edit: Edit,
    by: &str,
    now: &Timestamp,
) -> sqlx::Result<()> {
    let by = ChangedBy { actor: by.to_owned(), reason: None, at: now.clone() };
    note(db, Subject { kind: AuditSubject::User, gid: 0, name }, edit, &by).await
}

/// The same of an image.
pub(super) async fn note_image(
    db: &mut Work,
    image: ImageId,
    edit: Edit,
    by: &ChangedBy,
) -> sqlx::Result<()> {
    let (gid, name): (i64, String) =
        sqlx::query_as("SELECT gid, name FROM image WHERE id = $1").bind(image).fetch_one(&mut **db).await?;
    note(db, Subject { kind: AuditSubject::Image, gid, name: &name }, edit, by).await
}
