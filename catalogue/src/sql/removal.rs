//! Stored files that are to go.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use ays_model::PoolKey;
use serde_json::json;
use sqlx::FromRow;

use super::audit::{Edit, note_image};
use super::change::wrong;
use super::pool::find;
use super::{Database, Work};
use crate::pool::PoolRow;
use crate::{
    AuditWhat, CatalogueError, ChangedBy, CopyState, GenerationId, ImageId, ImageStatus, Leaving, Removable,
    RemovableOf, Removals,
};

/// A copy, and why it may go, where it may.
type Judged = (CopyRow, Option<String>);

/// A copy, and what decides whether it may go.
#[derive(FromRow)]
struct CopyRow {
    pool_id: i64,
    #[sqlx(flatten)]
    pool: PoolRow,
    file: String,
    #[sqlx(try_from = "i64")]
    size: u64,
    state: CopyState,
    generation_id: GenerationId,
    #[sqlx(try_from = "i64")]
    number: u32,
    #[sqlx(try_from = "i64")]
    current: u32,
    image_id: ImageId,
    image: String,
    /// The file was adopted with the pool.
    adopted: bool,
}

#[async_trait]
impl Removals for Database {
    async fn removable(&self, leaving: &Leaving) -> Result<Vec<Removable>, CatalogueError> {
        let doing = "looking for files that may go";
        let mut tx = self.read(doing).await?;
        let (files, _) = self.leaving(&mut tx, leaving).await?;
        Ok(files.into_iter().map(|file| file.removable).collect())
    }

    async fn begin_removal(
        &self,
        leaving: &Leaving,
        files: &[Removable],
        by: &ChangedBy,
    ) -> Result<Vec<Removable>, CatalogueError> {
        let doing = "beginning to remove files";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        if let Leaving::Image(id) = leaving {
            let (name, status) = self.image_status(&mut tx, *id).await?;
            if status != ImageStatus::Deleted {
                return Err(wrong(name, "is not in the recycle bin: only what was deleted can be destroyed"));
            }
        }
        let (going, shared) = self.leaving(&mut tx, leaving).await?;
        let mut begun = Vec::new();
        for Going { removable, pool_id, .. } in going {
            let is_chosen =
                files.iter().any(|file| file.pool == removable.pool && file.file == removable.file);
            if !is_chosen {
                continue;
            }
            sqlx::query("UPDATE copy SET state = 'removing' WHERE pool_id = $1 AND file = $2")
                .bind(pool_id)
                .bind(&removable.file)
                .execute(&mut *tx)
                .await
                .map_err(&failed)?;
            begun.push(removable);
        }
        for copy in shared {
            forget(&mut tx, &copy.pool.into(), &copy.file, copy.pool_id, Some(copy.generation_id), by)
                .await
                .map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)?;
        Ok(begun)
    }

    async fn end_removal(&self, pool: &PoolKey, file: &str, by: &ChangedBy) -> Result<(), CatalogueError> {
        let doing = "forgetting a removed file";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let Some(pool_id) = find(&mut tx, pool).await.map_err(&failed)? else { return Ok(()) };
        forget(&mut tx, pool, file, pool_id, None, by).await.map_err(&failed)?;
        tx.commit().await.map_err(&failed)
    }
}

/// A file that may go.
struct Going {
    removable: Removable,
    pool_id: i64,
}

impl Database {
    /// The files that may go; and of an image that goes, the copies whose files stay for others.
    async fn leaving(
        &self,
        db: &mut Work,
        leaving: &Leaving,
    ) -> Result<(Vec<Going>, Vec<CopyRow>), CatalogueError> {
        let copies = copies(db).await.map_err(self.failed("looking for files that may go"))?;
        let why: Vec<Option<String>> = match leaving {
            Leaving::Image(id) => copies
                .iter()
                .map(|copy| (copy.image_id == *id).then(|| format!("{} is deleted for ever", copy.image)))
                .collect(),
            Leaving::Old { image, keep } => old(&copies, *image, *keep),
        };
        let mut files: BTreeMap<(i64, String), Vec<Judged>> = BTreeMap::new();
        for (copy, why) in copies.into_iter().zip(why) {
            files.entry((copy.pool_id, copy.file.clone())).or_default().push((copy, why));
        }
        let (mut going, mut shared) = (Vec::new(), Vec::new());
        for ((pool_id, file), copies) in files {
            if copies.iter().all(|(copy, why)| why.is_some() && !copy.adopted) {
                going.extend(removable(pool_id, file, copies));
            } else if matches!(leaving, Leaving::Image(_)) {
                shared.extend(copies.into_iter().filter(|(_, why)| why.is_some()).map(|(copy, _)| copy));
            }
        }
        Ok((going, shared))
    }
}

fn removable(pool_id: i64, file: String, copies: Vec<Judged>) -> Option<Going> {
    let size = copies.first()?.0.size;
    let is_damaged = copies.iter().any(|(copy, _)| copy.state != CopyState::Verified);
    let of = copies.iter().map(|(copy, why)| RemovableOf {
        image: copy.image.clone().into(),
        generation: copy.number,
        why: why.clone().unwrap_or_default(),
    });
    let of = of.collect();
    let pool = copies.into_iter().next()?.0.pool.into();
    Some(Going { removable: Removable { pool, file, size, is_damaged, of }, pool_id })
}

/// Why each copy may go, where it may: in each pool, the copy stays that is offered or would be (its stack may be in
/// maintenance, its image disabled), and so does one of the current generation; of the others the newest ones.
fn old(copies: &[CopyRow], image: Option<ImageId>, keep: u32) -> Vec<Option<String>> {
    let mut why: Vec<Option<String>> = copies.iter().map(|_| None).collect();
    let mut held: HashMap<(i64, ImageId), Vec<usize>> = HashMap::new();
    for (at, copy) in copies.iter().enumerate() {
        held.entry((copy.pool_id, copy.image_id)).or_default().push(at);
    }
    for mut of_pool in held.into_values() {
        of_pool.sort_by_key(|at| std::cmp::Reverse(copies[*at].number));
        let verified = of_pool.iter().copied().filter(|at| copies[*at].state == CopyState::Verified);
        // As the view `offered` has it.
        let offered = verified.min_by_key(|at| {
            (copies[*at].number > copies[*at].current, std::cmp::Reverse(copies[*at].number))
        });
        let mut kept = 0;
        for at in of_pool {
            let copy = &copies[at];
            match copy.state {
                CopyState::Removing => why[at] = Some("its removal was begun".to_owned()),
                CopyState::Verified | CopyState::Damaged => {
                    if Some(at) == offered || copy.number == copy.current {
                        continue;
                    }
                    if kept < keep {
                        kept += 1;
                        continue;
                    }
                    let beside = offered.map_or(copy.current, |offered| copies[offered].number);
                    let others = match keep {
                        0 => String::new(),
                        1 => ", and the newest other one is kept".to_owned(),
                        _ => format!(", and the {keep} newest others are kept"),
                    };
                    why[at] = Some(format!("generation {beside} is offered here{others}"));
                }
                CopyState::Arriving => {}
            }
        }
    }
    for (why, copy) in why.iter_mut().zip(copies) {
        if image.is_some_and(|image| image != copy.image_id) {
            *why = None;
        }
    }
    why
}

async fn copies(db: &mut Work) -> sqlx::Result<Vec<CopyRow>> {
    sqlx::query_as(
        "SELECT c.pool_id, c.pool_gid, c.pool_name, c.pool_node, c.pool_path, c.file, c.size, c.state,
                c.generation_id, c.number, current.number AS current, c.image_id, i.name AS image,
                EXISTS (SELECT 1 FROM adopted a WHERE a.pool_id = c.pool_id AND a.file = c.file) AS adopted
         FROM copy_record c
         JOIN image i ON i.id = c.image_id
         JOIN generation current ON current.id = i.current_generation
         WHERE c.environment_id = $1
         ORDER BY c.pool_id, c.file, i.name, c.number",
    )
    .bind(db.environment)
    .fetch_all(&mut **db)
    .await
}

/// Forgets the copies of a file that are being removed, or the one of `generation`.
async fn forget(
    db: &mut Work,
    pool: &PoolKey,
    file: &str,
    pool_id: i64,
    generation: Option<GenerationId>,
    by: &ChangedBy,
) -> sqlx::Result<()> {
    let gone: Vec<GenerationId> = sqlx::query_scalar(
        "DELETE FROM copy
         WHERE pool_id = $1 AND file = $2
           AND (generation_id = $3 OR (CAST($3 AS BIGINT) IS NULL AND state = 'removing'))
         RETURNING generation_id",
    )
    .bind(pool_id)
    .bind(file)
    .bind(generation)
    .fetch_all(&mut **db)
    .await?;
    for generation in gone {
        let (image, number): (ImageId, i64) =
            sqlx::query_as("SELECT image_id, number FROM generation WHERE id = $1")
                .bind(generation)
                .fetch_one(&mut **db)
                .await?;
        let before = json!({ "pool": pool, "file": file, "generation": number });
        let edit = Edit { what: AuditWhat::Copy, before: Some(before), after: None };
        note_image(db, image, edit, by).await?;
    }
    Ok(())
}
