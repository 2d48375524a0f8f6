//! Publications and their ledgers.

use async_trait::async_trait;
use ays_model::{Digest, Gid};
use serde_json::json;
use sqlx::FromRow;

use super::Database;
use super::audit::{Edit, note_image};
use super::cloud_account::{read_fields, write_fields};
use crate::{
    AuditWhat, CatalogueError, ChangedBy, CloudObject, ImageId, NewPublication, ObjectState, Publication,
    PublicationEnd, PublicationFilter, PublicationId, PublicationStatus, Publications, Timestamp,
};

#[derive(FromRow)]
struct PublicationRow {
    id: PublicationId,
    image_id: ImageId,
    #[sqlx(try_from = "i64")]
    gid: Gid,
    image: String,
    #[sqlx(try_from = "i64")]
    generation: u32,
    #[sqlx(try_from = "String")]
    content: Digest,
    account: String,
    target: String,
    fields: String,
    overwrite: bool,
    keep: bool,
    status: PublicationStatus,
    message: String,
    #[sqlx(try_from = "i64")]
    bytes_done: u64,
    bytes_total: Option<i64>,
    problem: Option<String>,
    cloud_id: Option<String>,
    location: Option<String>,
    actor: String,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
    cancelled_by: Option<String>,
}

impl From<PublicationRow> for Publication {
    fn from(row: PublicationRow) -> Self {
        Self {
            id: row.id,
            image_id: row.image_id,
            gid: row.gid,
            image: row.image.into(),
            generation: row.generation,
            content: row.content,
            account: row.account,
            target: row.target,
            fields: read_fields(&row.fields),
            overwrite: row.overwrite,
            keep: row.keep,
            status: row.status,
            message: row.message,
            bytes_done: row.bytes_done,
            bytes_total: row.bytes_total.and_then(|total| total.try_into().ok()),
            problem: row.problem,
            cloud_id: row.cloud_id,
            location: row.location,
            actor: row.actor,
            created_at: row.created_at,
            ended_at: row.ended_at,
            cancelled_by: row.cancelled_by,
        }
    }
}

#[derive(FromRow)]
struct ObjectRow {
    #[sqlx(try_from = "i64")]
    number: u32,
    kind: String,
    key: String,
    cloud_id: Option<String>,
    state: ObjectState,
    changed_at: Timestamp,
}

impl From<ObjectRow> for CloudObject {
    fn from(row: ObjectRow) -> Self {
        let ObjectRow { number, kind, key, cloud_id, state, changed_at } = row;
        Self { number, kind, key, cloud_id, state, changed_at }
    }
}

#[async_trait]
impl Publications for Database {
    async fn begin_publication(
        &self,
        new: &NewPublication,
        by: &str,
        now: &Timestamp,
    ) -> Result<(PublicationId, bool), CatalogueError> {
        let doing = "beginning a publication";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let before: Option<(PublicationId, PublicationStatus)> = sqlx::query_as(
            "SELECT id, status FROM publication
             WHERE environment_id = $1 AND image_id = $2 AND generation = $3 AND content = $4 AND account = $5
               AND target = $6 AND fields = $7 AND status <> 'removed'
             ORDER BY id DESC LIMIT 1",
        )
        .bind(tx.environment)
        .bind(new.image)
        .bind(i64::from(new.generation))
        .bind(new.content.to_string())
        .bind(&new.account)
        .bind(&new.target)
        .bind(write_fields(&new.fields))
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        let again = match before {
            Some((id, PublicationStatus::Failed | PublicationStatus::Cancelled)) => {
                sqlx::query(
                    "UPDATE publication SET status = 'running', problem = NULL, ended_at = NULL, cancelled_by = NULL
                     WHERE environment_id = $1 AND id = $2",
                )
                .bind(tx.environment)
                .bind(id)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
                Some(id)
            }
            Some((id, PublicationStatus::Running)) => Some(id),
            Some((id, PublicationStatus::Done)) if !new.overwrite => Some(id),
            Some(_) | None => None,
        };
        let begun = match again {
            Some(id) => (id, false),
            None => {
                let id = sqlx::query_scalar(
                    "INSERT INTO publication (environment_id, image_id, generation, content, account, target, fields, overwrite,
                                              keep, status, message, bytes_done, actor, created_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', '', 0, $10, $11) RETURNING id",
                )
                .bind(tx.environment)
                .bind(new.image)
                .bind(i64::from(new.generation))
                .bind(new.content.to_string())
                .bind(&new.account)
                .bind(&new.target)
                .bind(write_fields(&new.fields))
                .bind(new.overwrite)
                .bind(new.keep)
                .bind(by)
                .bind(now)
                .fetch_one(&mut *tx)
                .await
                .map_err(&failed)?;
                (id, true)
            }
        };
        tx.commit().await.map_err(failed)?;
        Ok(begun)
    }

    async fn resume_publication(
        &self,
        id: PublicationId,
        overwrite: bool,
        keep: bool,
    ) -> Result<(), CatalogueError> {
        self.write_one(
            "going on with a publication",
            sqlx::query(
                "UPDATE publication SET overwrite = $3, keep = $4, cancelled_by = NULL
                 WHERE environment_id = $1 AND id = $2 AND status = 'running'",
            )
            .bind(self.environment)
            .bind(id)
            .bind(overwrite)
            .bind(keep),
        )
        .await?;
        Ok(())
    }

    async fn publications(&self, filter: &PublicationFilter) -> Result<Vec<Publication>, CatalogueError> {
        let rows: Vec<PublicationRow> = sqlx::query_as(
            "SELECT p.*, i.gid, i.name AS image
             FROM publication p JOIN image i ON i.id = p.image_id
             WHERE p.environment_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR p.id = $2)
               AND (CAST($3 AS BIGINT) IS NULL OR p.image_id = $3)
               AND (CAST($4 AS TEXT) IS NULL OR p.account = $4)
               AND (CAST($5 AS TEXT) IS NULL OR p.status = $5)
             ORDER BY p.id DESC",
        )
        .bind(self.environment)
        .bind(filter.id)
        .bind(filter.image)
        .bind(&filter.account)
        .bind(filter.status)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("listing publications"))?;
        Ok(rows.into_iter().map(Publication::from).collect())
    }

    async fn publication_progress(
        &self,
        id: PublicationId,
        message: &str,
        bytes_done: u64,
        bytes_total: Option<u64>,
    ) -> Result<bool, CatalogueError> {
        let doing = "noting how far a publication is";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let cancelled_by: Option<Option<String>> = sqlx::query_scalar(
            "UPDATE publication SET message = $3, bytes_done = $4, bytes_total = $5
             WHERE environment_id = $1 AND id = $2 RETURNING cancelled_by",
        )
        .bind(tx.environment)
        .bind(id)
        .bind(message)
        .bind(number(bytes_done))
        .bind(bytes_total.map(number))
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(cancelled_by.flatten().is_some())
    }

    async fn cancel_publication(&self, id: PublicationId, by: &str) -> Result<bool, CatalogueError> {
        let cancelled = self
            .write_one(
                "cancelling a publication",
                sqlx::query(
                    "UPDATE publication SET cancelled_by = $3
                     WHERE environment_id = $1 AND id = $2 AND status = 'running'",
                )
                .bind(self.environment)
                .bind(id)
                .bind(by),
            )
            .await?;
        Ok(cancelled == 1)
    }

    async fn end_publication(
        &self,
        id: PublicationId,
        end: &PublicationEnd,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        let (status, problem, place) = match end {
            PublicationEnd::Done { cloud_id, location } => {
                (PublicationStatus::Done, None, Some((cloud_id, location)))
            }
            PublicationEnd::Failed(problem) => (PublicationStatus::Failed, Some(problem), None),
            PublicationEnd::Cancelled => (PublicationStatus::Cancelled, None, None),
            PublicationEnd::Removed => (PublicationStatus::Removed, None, None),
        };
        self.write_one(
            "ending a publication",
            sqlx::query(
                "UPDATE publication
                 SET status = $3, problem = $4, cloud_id = COALESCE($5, cloud_id), location = COALESCE($6, location),
                     ended_at = $7
                 WHERE environment_id = $1 AND id = $2",
            )
            .bind(self.environment)
            .bind(id)
            .bind(status)
            .bind(problem)
            .bind(place.map(|(id, _)| id))
            .bind(place.map(|(_, location)| location))
            .bind(now),
        )
        .await?;
        Ok(())
    }

    async fn intend(
        &self,
        of: PublicationId,
        kind: &str,
        key: &str,
        now: &Timestamp,
    ) -> Result<CloudObject, CatalogueError> {
        let doing = "noting what is going to be made";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let row: ObjectRow = sqlx::query_as(
            "INSERT INTO cloud_object (publication_id, number, kind, key, state, changed_at)
             SELECT p.id, (SELECT COALESCE(MAX(number), 0) + 1 FROM cloud_object WHERE publication_id = p.id), $3, $4,
                    'intended', $5
             FROM publication p WHERE p.environment_id = $1 AND p.id = $2
             ON CONFLICT (publication_id, kind, key) DO UPDATE
             SET changed_at = CASE WHEN cloud_object.state = 'removed' THEN excluded.changed_at ELSE cloud_object.changed_at END,
                 cloud_id = CASE WHEN cloud_object.state = 'removed' THEN NULL ELSE cloud_object.cloud_id END,
                 state = CASE WHEN cloud_object.state = 'removed' THEN 'intended' ELSE cloud_object.state END
             RETURNING *",
        )
        .bind(tx.environment)
        .bind(of)
        .bind(kind)
        .bind(key)
        .bind(now)
        .fetch_one(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(row.into())
    }

    async fn note_object(
        &self,
        of: PublicationId,
        number: u32,
        state: ObjectState,
        cloud_id: Option<&str>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError> {
        self.write_one(
            "noting what became of an object",
            sqlx::query(
                "UPDATE cloud_object SET state = $4, cloud_id = COALESCE($5, cloud_id), changed_at = $6
                 WHERE number = $3
                   AND publication_id IN (SELECT id FROM publication WHERE environment_id = $1 AND id = $2)",
            )
            .bind(self.environment)
            .bind(of)
            .bind(i64::from(number))
            .bind(state)
            .bind(cloud_id)
            .bind(now),
        )
        .await?;
        Ok(())
    }

    async fn ledger(&self, of: PublicationId) -> Result<Vec<CloudObject>, CatalogueError> {
        let rows: Vec<ObjectRow> = sqlx::query_as(
            "SELECT o.* FROM cloud_object o JOIN publication p ON p.id = o.publication_id
             WHERE p.environment_id = $1 AND p.id = $2 ORDER BY o.number",
        )
        .bind(self.environment)
        .bind(of)
        .fetch_all(&self.readers)
        .await
        .map_err(self.failed("reading a ledger"))?;
        Ok(rows.into_iter().map(CloudObject::from).collect())
    }

    async fn accept_licence(&self, image: ImageId, by: &str, now: &Timestamp) -> Result<(), CatalogueError> {
        let doing = "noting who accepts a licence";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let accepted = sqlx::query(
            "INSERT INTO licence (environment_id, image_id, accepted_by, accepted_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (environment_id, image_id) DO NOTHING",
        )
        .bind(tx.environment)
        .bind(image)
        .bind(by)
        .bind(now)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if accepted.rows_affected() == 1 {
            let edit = Edit { what: AuditWhat::Licence, before: None, after: Some(json!("accepted")) };
            let by = ChangedBy { actor: by.to_owned(), reason: None, at: now.clone() };
            note_image(&mut tx, image, edit, &by).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn licence(&self, image: ImageId) -> Result<Option<(String, Timestamp)>, CatalogueError> {
        sqlx::query_as(
            "SELECT accepted_by, accepted_at FROM licence WHERE environment_id = $1 AND image_id = $2",
        )
        .bind(self.environment)
        .bind(image)
        .fetch_optional(&self.readers)
        .await
        .map_err(self.failed("reading who accepted a licence"))
    }
}

/// A count of bytes as a database holds it; what is more than fits is as much as fits.
fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
