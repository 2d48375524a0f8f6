//! Stored files that are to go: which may, and what is forgotten when they are gone.

use std::fmt;

use async_trait::async_trait;
use ays_model::{ImageName, PoolKey};
use serde::{Deserialize, Serialize};

use crate::{CatalogueError, ChangedBy, ImageId};

/// A file in a pool that is removed, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removable {
    /// Where.
    pub pool: PoolKey,
    /// Its name in the pool.
    pub file: String,
    /// Its length in bytes.
    pub size: u64,
    /// It is known to be damaged, so that it may have another length.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_damaged: bool,
    /// What stands on it.
    pub of: Vec<RemovableOf>,
}

/// A generation that stands on a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovableOf {
    /// Its image.
    pub image: ImageName,
    /// Its number.
    pub generation: u32,
    /// Why it may go.
    pub why: String,
}

/// Which files are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaving {
    /// All of an image that is in the recycle bin.
    Image(ImageId),
    /// What is older than this, in each pool: of an image or of all, the offered generation and so many others stay, the
    /// newest ones.
    Old {
        /// None: of all images.
        image: Option<ImageId>,
        /// How many stay beside the one that is offered.
        keep: u32,
    },
}

/// Removing stored files. A file that several images or generations stand on goes only when all of them let it go; one
/// that was adopted stays.
#[async_trait]
pub trait Removals: fmt::Debug + Send + Sync {
    /// The files that may go, by pool and name; those whose removal was begun and not ended are among them. Nothing is
    /// changed.
    async fn removable(&self, leaving: &Leaving) -> Result<Vec<Removable>, CatalogueError>;

    /// Says that those of `files` that may still go are being removed: no stack offers them from then on, and a restored
    /// image has them no more. Copies of an image that goes, whose files stay for other images, are forgotten. What is to
    /// be removed now.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::WrongMove`] for an image that is not in the recycle bin.
    async fn begin_removal(
        &self,
        leaving: &Leaving,
        files: &[Removable],
        by: &ChangedBy,
    ) -> Result<Vec<Removable>, CatalogueError>;

    /// The file is gone: its copies are forgotten, as far as they are being removed.
    async fn end_removal(&self, pool: &PoolKey, file: &str, by: &ChangedBy) -> Result<(), CatalogueError>;
}
