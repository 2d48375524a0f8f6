//! What operators change of images and stacks as a whole.

use async_trait::async_trait;
use ays_model::PoolKey;
use serde_json::json;

use super::audit::{Edit, Subject, note, note_image};
use super::offer::offers;
use super::{Database, Work};
use crate::pool::PoolRow;
use crate::{
    AuditSubject, AuditWhat, CatalogueError, Change, Changed, ChangedBy, Changes, ImageId, ImageMove,
    ImageStatus, Next, Offer, StackId, StackStatus, next_image_status, next_stack_status,
};

#[async_trait]
impl Changes for Database {
    async fn change(&self, change: Change, by: &ChangedBy) -> Result<Changed, CatalogueError> {
        let doing = "changing an image or a stack";
        let mut tx = self.write(doing).await?;
        let changed = self.make_change(&mut tx, change, by).await?;
        tx.commit().await.map_err(self.failed(doing))?;
        Ok(changed)
    }

    async fn preview(
        &self,
        change: Change,
        by: &ChangedBy,
    ) -> Result<Vec<(PoolKey, Vec<Offer>)>, CatalogueError> {
        let doing = "rehearsing a change";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let changed = self.make_change(&mut tx, change, by).await?;
        let mut preview = Vec::with_capacity(changed.pools.len());
        for pool in changed.pools {
            let offers = offers(&mut tx, &pool).await.map_err(&failed)?;
            preview.push((pool, offers));
        }
        tx.rollback().await.map_err(&failed)?;
        Ok(preview)
    }
}

impl Database {
    async fn make_change(
        &self,
        db: &mut Work,
        change: Change,
        by: &ChangedBy,
    ) -> Result<Changed, CatalogueError> {
        match change {
            Change::Image(id, step) => self.move_image(db, id, step, by).await,
            Change::Undo(id, to) => self.undo(db, id, to, by).await,
            Change::Wanted { image, add, remove } => self.set_wanted(db, image, (&add, &remove), by).await,
            Change::Edit(id, edit) => self.edit_image(db, id, &edit, by).await,
            Change::Stack(id, to) => self.set_stack(db, id, to, by).await,
        }
    }

    async fn move_image(
        &self,
        db: &mut Work,
        id: ImageId,
        step: ImageMove,
        by: &ChangedBy,
    ) -> Result<Changed, CatalogueError> {
        let failed = self.failed("changing an image");
        let (name, status) = self.image_status(db, id).await?;
        let pools = pools_of(db, id).await.map_err(&failed)?;
        let to = match next_image_status(status, step) {
            Next::Becomes(to) => to,
            Next::Already => return Ok(Changed { before: json!(status), after: json!(status), pools }),
            Next::Wrong(why) => return Err(wrong(name, why)),
        };
        match step {
            // Which of the files that were being removed are still there, a scrub says.
            ImageMove::Restore => {
                let back = "UPDATE copy SET state = 'damaged'
                            WHERE state = 'removing' AND generation_id IN (SELECT id FROM generation WHERE image_id = $1)";
                sqlx::query(back).bind(id).execute(&mut **db).await.map_err(&failed)?;
            }
            ImageMove::Destroy => self.forget_image(db, id, &name).await?,
            ImageMove::Enable | ImageMove::Disable | ImageMove::Delete => {}
        }
        set_image_status(db, id, status, to, by).await.map_err(&failed)?;
        Ok(Changed { before: json!(status), after: json!(to), pools })
    }

    /// What was said of an image whose files are gone does not count any more when it is installed again.
    async fn forget_image(&self, db: &mut Work, id: ImageId, name: &str) -> Result<(), CatalogueError> {
        let failed = self.failed("forgetting an image");
        let copies: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM copy WHERE generation_id IN (SELECT id FROM generation WHERE image_id = $1)",
        )
        .bind(id)
        .fetch_one(&mut **db)
        .await
        .map_err(&failed)?;
        if copies > 0 {
            let copies = u32::try_from(copies).unwrap_or(u32::MAX);
            return Err(CatalogueError::StillThere { image: name.to_owned(), copies });
        }
        for forget in [
            "DELETE FROM wanted WHERE image_id = $1",
            "UPDATE generation SET undone_at = NULL, undone_by = NULL WHERE image_id = $1",
            "DELETE FROM installed WHERE EXISTS (
                 SELECT 1 FROM installed_part p JOIN generation g ON g.id = p.generation_id
                 WHERE g.image_id = $1 AND p.environment_id = installed.environment_id
                   AND p.service = installed.service AND p.instance = installed.instance AND p.node = installed.node)",
        ] {
            sqlx::query(forget).bind(id).execute(&mut **db).await.map_err(&failed)?;
        }
        Ok(())
    }

    async fn undo(
        &self,
        db: &mut Work,
        id: ImageId,
        to: Option<u32>,
        by: &ChangedBy,
    ) -> Result<Changed, CatalogueError> {
        let failed = self.failed("undoing a generation");
        let (image, status) = self.image_status(db, id).await?;
        if let Next::Wrong(why) = next_image_status(status, ImageMove::Delete) {
            return Err(wrong(image, why));
        }
        // Of each generation its number, and whether a pool holds it.
        let known: Vec<(i64, bool)> = sqlx::query_as(
            "SELECT g.number, EXISTS (SELECT 1 FROM copy c WHERE c.generation_id = g.id AND c.state = 'verified') AS held
             FROM generation g WHERE g.image_id = $1 ORDER BY g.number DESC",
        )
        .bind(id)
        .fetch_all(&mut **db)
        .await
        .map_err(&failed)?;
        let current: i64 = sqlx::query_scalar(
            "SELECT g.number FROM image i JOIN generation g ON g.id = i.current_generation WHERE i.id = $1",
        )
        .bind(id)
        .fetch_one(&mut **db)
        .await
        .map_err(&failed)?;
        let plain = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        let found = match to {
            Some(number) => known.iter().find(|(known, _)| *known == i64::from(number)),
            None => known.iter().find(|(known, _)| *known < current),
        };
        let Some((number, held)) = found.copied() else {
            return Err(match to {
                Some(number) => CatalogueError::NoGeneration { image, number },
                None => CatalogueError::NothingBefore { image, current: plain(current) },
            });
        };
        if !held {
            let others = known.iter().filter(|(known, held)| *held && *known != current);
            let held = others.map(|(number, _)| plain(*number)).collect();
            return Err(CatalogueError::NotHeld { image, number: plain(number), held });
        }
        sqlx::query(
            "UPDATE generation SET undone_at = CASE WHEN number > $2 THEN COALESCE(undone_at, $3) END,
                                   undone_by = CASE WHEN number > $2 THEN COALESCE(undone_by, $4) END
             WHERE image_id = $1 AND number >= $2",
        )
        .bind(id)
        .bind(number)
        .bind(&by.at)
        .bind(&by.actor)
        .execute(&mut **db)
        .await
        .map_err(&failed)?;
        if number != current {
            sqlx::query(
                "UPDATE image SET last_modified = $3,
                     current_generation = (SELECT id FROM generation WHERE image_id = $1 AND number = $2)
                 WHERE id = $1",
            )
            .bind(id)
            .bind(number)
            .bind(&by.at)
            .execute(&mut **db)
            .await
            .map_err(&failed)?;
            let edit =
                Edit { what: AuditWhat::Current, before: Some(json!(current)), after: Some(json!(number)) };
            note_image(db, id, edit, by).await.map_err(&failed)?;
        }
        let pools = pools_of(db, id).await.map_err(&failed)?;
        Ok(Changed { before: json!(current), after: json!(number), pools })
    }

    async fn set_wanted(
        &self,
        db: &mut Work,
        id: ImageId,
        (add, remove): (&[StackId], &[StackId]),
        by: &ChangedBy,
    ) -> Result<Changed, CatalogueError> {
        let failed = self.failed("writing where an image is wanted");
        let (name, status) = self.image_status(db, id).await?;
        if let Next::Wrong(why) = next_image_status(status, ImageMove::Delete) {
            return Err(wrong(name, why));
        }
        let before = wanted_on(db, id).await.map_err(&failed)?;
        for stack in remove {
            sqlx::query("DELETE FROM wanted WHERE image_id = $1 AND stack_id = $2")
                .bind(id)
                .bind(stack)
                .execute(&mut **db)
                .await
                .map_err(&failed)?;
        }
        for stack in add {
            let is_of_grid: bool = sqlx::query_scalar(
                "SELECT EXISTS (
                     SELECT 1 FROM image i JOIN stack s ON s.environment_id = i.environment_id AND s.gid = i.gid
                     WHERE i.id = $1 AND s.id = $2)",
            )
            .bind(id)
            .bind(stack)
            .fetch_one(&mut **db)
            .await
            .map_err(&failed)?;
            if !is_of_grid {
                return Err(CatalogueError::NoStackOfGrid { stack: stack.0, image: name });
            }
            sqlx::query("INSERT INTO wanted (image_id, stack_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(id)
                .bind(stack)
                .execute(&mut **db)
                .await
                .map_err(&failed)?;
        }
        let after = wanted_on(db, id).await.map_err(&failed)?;
        if before != after {
            let edit =
                Edit { what: AuditWhat::Wanted, before: Some(json!(before)), after: Some(json!(after)) };
            note_image(db, id, edit, by).await.map_err(&failed)?;
        }
        let pools = pools_of(db, id).await.map_err(&failed)?;
        Ok(Changed { before: json!(before), after: json!(after), pools })
    }

    async fn set_stack(
        &self,
        db: &mut Work,
        id: StackId,
        to: StackStatus,
        by: &ChangedBy,
    ) -> Result<Changed, CatalogueError> {
        let failed = self.failed("changing a stack");
        let (gid, name, is, in_environment): (i64, String, StackStatus, bool) = sqlx::query_as(
            "SELECT gid, name, status, in_environment FROM stack WHERE id = $1 AND environment_id = $2",
        )
        .bind(id)
        .bind(db.environment)
        .fetch_one(&mut **db)
        .await
        .map_err(&failed)?;
        let pools = sqlx::query_as::<_, PoolRow>(
            "SELECT p.gid AS pool_gid, p.name AS pool_name, NULLIF(p.node, '') AS pool_node, p.path AS pool_path
             FROM stack s JOIN pool p ON p.id = s.pool_id WHERE s.id = $1",
        )
        .bind(id)
        .fetch_all(&mut **db)
        .await
        .map_err(&failed)?;
        let pools = pools.into_iter().map(PoolKey::from).collect();
        let to = match next_stack_status(is, in_environment, to) {
            Next::Becomes(to) => to,
            Next::Already => return Ok(Changed { before: json!(is), after: json!(is), pools }),
            Next::Wrong(why) => return Err(wrong(name, why)),
        };
        sqlx::query("UPDATE stack SET status = $2, status_by = $3, status_reason = $4 WHERE id = $1")
            .bind(id)
            .bind(to)
            .bind(&by.actor)
            .bind(&by.reason)
            .execute(&mut **db)
            .await
            .map_err(&failed)?;
        let subject = Subject { kind: AuditSubject::Stack, gid, name: &name };
        let edit = Edit { what: AuditWhat::Status, before: Some(json!(is)), after: Some(json!(to)) };
        note(db, subject, edit, by).await.map_err(&failed)?;
        Ok(Changed { before: json!(is), after: json!(to), pools })
    }

    /// An image's name and state.
    pub(super) async fn image_status(
        &self,
        db: &mut Work,
        id: ImageId,
    ) -> Result<(String, ImageStatus), CatalogueError> {
        let found = sqlx::query_as("SELECT name, status FROM image WHERE id = $1 AND environment_id = $2")
            .bind(id)
            .bind(db.environment)
            .fetch_optional(&mut **db)
            .await
            .map_err(self.failed("reading an image"))?;
        found.ok_or(CatalogueError::UnknownImage { id: id.0 })
    }
}

pub(super) fn wrong(name: String, why: &str) -> CatalogueError {
    let why = why.replace("NAME", &name);
    CatalogueError::WrongMove { name, why }
}

pub(super) async fn set_image_status(
    db: &mut Work,
    id: ImageId,
    is: ImageStatus,
    to: ImageStatus,
    by: &ChangedBy,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE image SET status = $2, last_modified = $3 WHERE id = $1")
        .bind(id)
        .bind(to)
        .bind(&by.at)
        .execute(&mut **db)
        .await?;
    let edit = Edit { what: AuditWhat::Status, before: Some(json!(is)), after: Some(json!(to)) };
    note_image(db, id, edit, by).await
}

/// The names of the stacks that an image is wanted on.
async fn wanted_on(db: &mut Work, image: ImageId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT s.name FROM wanted w JOIN stack s ON s.id = w.stack_id WHERE w.image_id = $1 ORDER BY s.name",
    )
    .bind(image)
    .fetch_all(&mut **db)
    .await
}

/// The pools that have copies of an image: only their indexes can name it.
pub(super) async fn pools_of(db: &mut Work, image: ImageId) -> sqlx::Result<Vec<PoolKey>> {
    let pools: Vec<PoolRow> = sqlx::query_as(
        "SELECT DISTINCT pool_id, pool_gid, pool_name, pool_node, pool_path FROM copy_record
         WHERE image_id = $1 ORDER BY pool_id",
    )
    .bind(image)
    .fetch_all(&mut **db)
    .await?;
    Ok(pools.into_iter().map(PoolKey::from).collect())
}
