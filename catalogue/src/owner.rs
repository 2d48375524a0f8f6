//! Pools that this catalogue owns: what tells it from other catalogues, and what stays of a pool's former owner.

use ays_model::{CatalogueId, EnvironmentName, ImageName, PoolKey, PoolOwner};
use serde_json::Value;
use sqlx::SqliteConnection;

use crate::pool::{ensure, find};
use crate::{Catalogue, CatalogueError};

/// An entry of an adopted pool's index: a former owner said it, and it stays in the index as it was said.
///
/// This catalogue knows nothing of its file but that it was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopted {
    /// The image's name.
    pub name: ImageName,
    /// The file's name in the pool.
    pub file: String,
    /// The file's length in bytes.
    pub size: u64,
    pub(crate) entry: Value,
}

/// A pool's index that is none.
#[derive(Debug, thiserror::Error)]
#[error("its ays-images.json is no index of a pool")]
pub struct NoIndex(#[source] Option<serde_json::Error>);

impl Adopted {
    /// All entries of an index that name an image and a file of the pool; the others name nothing.
    ///
    /// # Errors
    ///
    /// The text is no index.
    pub fn all(index: &str) -> Result<Vec<Self>, NoIndex> {
        let index: Value = serde_json::from_str(index).map_err(|error| NoIndex(Some(error)))?;
        let images = index.get("images").and_then(Value::as_array).ok_or(NoIndex(None))?;
        Ok(images.iter().filter_map(Self::of).collect())
    }

    fn of(entry: &Value) -> Option<Self> {
        let text = |key| entry.get(key).and_then(Value::as_str);
        let (name, file) = (text("name")?, text("file")?);
        // Of this directory, and none of the files that are hidden from readers.
        let is_plain = !file.is_empty() && !file.starts_with('.') && !file.contains(['/', '\0']);
        let size = entry.get("size").and_then(Value::as_u64)?;
        is_plain.then(|| Self { name: name.into(), file: file.to_owned(), size, entry: entry.clone() })
    }
}

/// What becomes of entries that were adopted with a pool before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdoptedBefore {
    /// They stay: the pool was this catalogue's.
    Stay,
    /// They go: the pool had another owner, whose index says what there is.
    Go,
}

impl Catalogue {
    /// This catalogue as the owner of pools.
    pub async fn owner(
        &self,
        environment: EnvironmentName,
        taken_by: String,
    ) -> Result<PoolOwner, CatalogueError> {
        let catalogue: String = sqlx::query_scalar("SELECT catalogue FROM identity")
            .fetch_one(&self.pool)
            .await
            .map_err(self.failed("reading what the catalogue is called"))?;
        Ok(PoolOwner { catalogue: CatalogueId::from(catalogue), environment, taken_by })
    }

    /// The names of all files that are known to be, or to have been, in a pool: copies in any state, and adopted ones.
    pub async fn known_files(&self, pool: &PoolKey) -> Result<Vec<String>, CatalogueError> {
        let doing = "listing a pool's files";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let Some(pool_id) = find(&mut tx, pool).await.map_err(&failed)? else { return Ok(Vec::new()) };
        sqlx::query_scalar(
            "SELECT file FROM copy WHERE pool_id = ?1 UNION SELECT file FROM adopted WHERE pool_id = ?1 ORDER BY file",
        )
        .bind(pool_id)
        .fetch_all(&mut *tx)
        .await
        .map_err(&failed)
    }

    /// What a former owner's index said of images that this catalogue has no copy of in the pool, by name.
    pub async fn adopted(&self, pool: &PoolKey) -> Result<Vec<Adopted>, CatalogueError> {
        let doing = "listing a pool's adopted images";
        let failed = self.failed(doing);
        let mut tx = self.read(doing).await?;
        let Some(pool_id) = find(&mut tx, pool).await.map_err(&failed)? else { return Ok(Vec::new()) };
        let entries = entries(&mut tx, pool_id).await.map_err(&failed)?;
        // Written by this type, so each can be read again.
        Ok(entries.iter().filter_map(|entry| Adopted::of(&serde_json::from_str(entry).ok()?)).collect())
    }

    /// From now on these entries stay in the pool's index, as far as the catalogue has no copy of their images in the pool.
    pub async fn adopt(
        &self,
        pool: &PoolKey,
        entries: &[Adopted],
        before: AdoptedBefore,
    ) -> Result<(), CatalogueError> {
        let doing = "adopting a pool's images";
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let pool_id = ensure(&mut tx, pool).await.map_err(&failed)?;
        if before == AdoptedBefore::Go {
            let forget = sqlx::query("DELETE FROM adopted WHERE pool_id = ?").bind(pool_id);
            forget.execute(&mut *tx).await.map_err(&failed)?;
        }
        for Adopted { name, file, entry, .. } in entries {
            sqlx::query(
                "INSERT INTO adopted (pool_id, file, name, entry)
                 SELECT ?1, ?2, ?3, ?4
                 WHERE NOT EXISTS (SELECT 1 FROM copy WHERE pool_id = ?1 AND file = ?2)
                 ON CONFLICT DO UPDATE SET entry = excluded.entry",
            )
            .bind(pool_id)
            .bind(file)
            .bind(name.as_str())
            .bind(entry.to_string())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)
    }
}

async fn entries(db: &mut SqliteConnection, pool_id: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT a.entry FROM adopted a
         WHERE a.pool_id = ?1 AND NOT EXISTS (
             SELECT 1 FROM copy c
             JOIN generation g ON g.id = c.generation_id
             JOIN image i ON i.id = g.image_id
             WHERE c.pool_id = a.pool_id AND (c.file = a.file OR i.name = a.name))
         ORDER BY a.name, a.file",
    )
    .bind(pool_id)
    .fetch_all(db)
    .await
}
