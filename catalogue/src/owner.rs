//! Pools that this catalogue owns: what tells it from other catalogues, and what stays of a pool's former owner.

use std::fmt;

use async_trait::async_trait;
use ays_model::{ImageName, PoolKey, PoolOwner};
use serde_json::Value;

use crate::{CatalogueError, ChangedBy};

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

    pub(crate) fn of(entry: &Value) -> Option<Self> {
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

/// Pools that the catalogue owns.
#[async_trait]
pub trait Owners: fmt::Debug + Send + Sync {
    /// Makes the environment this repository's, whosever it was.
    async fn bind(&self, repository: Option<&str>) -> Result<(), CatalogueError>;

    /// This catalogue as the owner of pools.
    async fn owner(&self, taken_by: String) -> Result<PoolOwner, CatalogueError>;

    /// The names of all files that are known to be, or to have been, in a pool: copies in any state, and adopted ones.
    async fn known_files(&self, pool: &PoolKey) -> Result<Vec<String>, CatalogueError>;

    /// What a former owner's index said of images that this catalogue has no copy of in the pool, by name.
    async fn adopted(&self, pool: &PoolKey) -> Result<Vec<Adopted>, CatalogueError>;

    /// From now on these entries stay in the pool's index, as far as the catalogue has no copy of their images in the pool.
    async fn adopt(
        &self,
        pool: &PoolKey,
        entries: &[Adopted],
        before: AdoptedBefore,
        by: &ChangedBy,
    ) -> Result<(), CatalogueError>;
}
