//! Editing the facts of an image.

use ays_model::TemplateName;
use serde_json::{Map, Value, json};
use sqlx::FromRow;

use super::audit::{Edit, note_image};
use super::change::{pools_of, wrong};
use super::{Database, Work};
use crate::{
    AuditWhat, CatalogueError, Changed, ChangedBy, ImageEdit, ImageId, ImageMove, ImageStatus, Next,
    next_image_status,
};

/// The facts that an operator can change.
#[derive(FromRow)]
struct Facts {
    gid: i64,
    name: String,
    status: ImageStatus,
    description: String,
    #[sqlx(rename = "type")]
    category: String,
    size_gb: i64,
    username: Option<String>,
    account_id: i64,
    boot_type: String,
    hot_resize: bool,
}

impl Database {
    /// Changes the facts that `edit` names.
    pub(super) async fn edit_image(
        &self,
        db: &mut Work,
        id: ImageId,
        edit: &ImageEdit,
        by: &ChangedBy,
    ) -> Result<Changed, CatalogueError> {
        let failed = self.failed("editing an image");
        let known: Option<Facts> = sqlx::query_as(
            "SELECT gid, name, status, description, type, size_gb, username, account_id, boot_type, hot_resize
             FROM image WHERE id = $1 AND environment_id = $2",
        )
        .bind(id)
        .bind(db.environment)
        .fetch_optional(&mut **db)
        .await
        .map_err(&failed)?;
        let known = known.ok_or(CatalogueError::UnknownImage { id: id.0 })?;
        if let Next::Wrong(why) = next_image_status(known.status, ImageMove::Delete) {
            return Err(wrong(known.name, why));
        }
        if let Some(name) = edit.name.as_ref().filter(|name| name.as_str() != known.name) {
            self.rename_image(db, &known, name).await?;
        }
        let (before, after) = differences(&known, edit);
        if before != after {
            write(db, id, &known, edit, by).await.map_err(&failed)?;
            let (before, after) = (Some(before.clone()), Some(after.clone()));
            note_image(db, id, Edit { what: AuditWhat::Facts, before, after }, by).await.map_err(&failed)?;
        }
        Ok(Changed { before, after, pools: pools_of(db, id).await.map_err(&failed)? })
    }

    /// The new name must be free, and what was added by hand under the old one is to be added again under that.
    async fn rename_image(&self, db: &mut Work, known: &Facts, name: &str) -> Result<(), CatalogueError> {
        let failed = self.failed("renaming an image");
        let taken: Option<i64> =
            sqlx::query_scalar("SELECT id FROM image WHERE environment_id = $1 AND gid = $2 AND name = $3")
                .bind(db.environment)
                .bind(known.gid)
                .bind(name)
                .fetch_optional(&mut **db)
                .await
                .map_err(&failed)?;
        if let Some(id) = taken {
            return Err(CatalogueError::NameTaken { name: name.to_owned(), gid: known.gid, id });
        }
        sqlx::query("DELETE FROM installed WHERE environment_id = $1 AND service = $2 AND instance = $3")
            .bind(db.environment)
            .bind(TemplateName::BY_HAND)
            .bind(&known.name)
            .execute(&mut **db)
            .await
            .map(drop)
            .map_err(&failed)
    }
}

async fn write(
    db: &mut Work,
    id: ImageId,
    known: &Facts,
    edit: &ImageEdit,
    by: &ChangedBy,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE image SET name = $2, description = $3, type = $4, size_gb = $5, username = $6, account_id = $7,
             boot_type = $8, hot_resize = $9, last_modified = $10
         WHERE id = $1",
    )
    .bind(id)
    .bind(edit.name.as_deref().unwrap_or(&known.name))
    .bind(edit.description.as_ref().unwrap_or(&known.description))
    .bind(edit.category.as_ref().unwrap_or(&known.category))
    .bind(edit.size_gb.map_or(known.size_gb, i64::from))
    .bind(username(known, edit))
    .bind(edit.account_id.map_or(known.account_id, i64::from))
    .bind(edit.boot_type.map_or(known.boot_type.as_str(), |boot| boot.as_str()))
    .bind(edit.hot_resize.unwrap_or(known.hot_resize))
    .bind(&by.at)
    .execute(&mut **db)
    .await
    .map(drop)
}

fn username<'a>(known: &'a Facts, edit: &'a ImageEdit) -> Option<&'a str> {
    let said = edit.username.as_deref().or(known.username.as_deref());
    said.filter(|name| !name.is_empty())
}

/// The facts that change: as they were, and as they are.
fn differences(known: &Facts, edit: &ImageEdit) -> (Value, Value) {
    let or_known = |said: Option<Value>, known: Value| (said.unwrap_or_else(|| known.clone()), known);
    let facts = [
        ("name", or_known(edit.name.as_ref().map(|name| json!(name)), json!(known.name))),
        (
            "description",
            or_known(edit.description.as_ref().map(|text| json!(text)), json!(known.description)),
        ),
        ("type", or_known(edit.category.as_ref().map(|category| json!(category)), json!(known.category))),
        ("size", or_known(edit.size_gb.map(|size| json!(size)), json!(known.size_gb))),
        ("username", (json!(username(known, edit)), json!(known.username))),
        ("accountId", or_known(edit.account_id.map(|account| json!(account)), json!(known.account_id))),
        ("bootType", or_known(edit.boot_type.map(|boot| json!(boot.as_str())), json!(known.boot_type))),
        ("hotResize", or_known(edit.hot_resize.map(|hot| json!(hot)), json!(known.hot_resize))),
    ];
    let (mut before, mut after) = (Map::new(), Map::new());
    for (name, (is, was)) in facts.into_iter().filter(|(_, (is, was))| is != was) {
        before.insert(name.to_owned(), was);
        after.insert(name.to_owned(), is);
    }
    (before.into(), after.into())
}
