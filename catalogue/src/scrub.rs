//! Scrubbing: what must be on the disks, to be read again, and what came of it.

use std::fmt;

use async_trait::async_trait;
use ays_model::{Digest, DiskFormat, ImageName, PoolKey, TemplateName};
use serde::Serialize;
use sqlx::FromRow;

use crate::{CatalogueError, CopyState, Offer, Timestamp};

/// A file in a pool that is to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct ScrubCopy {
    /// Where.
    #[sqlx(flatten, try_from = "crate::pool::PoolRow")]
    pub pool: PoolKey,
    /// Its name in the pool.
    pub file: String,
    /// What the file is.
    #[sqlx(try_from = "String")]
    pub format: DiskFormat,
    /// What it must have.
    #[sqlx(try_from = "String")]
    pub digest: Digest,
    /// Its length in bytes.
    #[sqlx(try_from = "i64")]
    pub size: u64,
    /// Verified or damaged.
    pub state: CopyState,
    /// When it became verified, for the image that it did so for last.
    pub verified_at: Option<Timestamp>,
    /// When it was last read whole and was as it should be; none: not since it was written.
    pub scrubbed_at: Option<Timestamp>,
    /// The names of the images that stand on it.
    #[sqlx(skip)]
    pub images: Vec<ImageName>,
    /// The template that made one of them.
    #[sqlx(try_from = "String")]
    pub template: TemplateName,
}

/// What is scrubbed, and what came of it.
#[async_trait]
pub trait Scrubbing: fmt::Debug + Send + Sync {
    /// The files that must be in the pools, of one image (its name or number, as [`crate::Store::image`] has it) or of all:
    /// each once, whatever the number of images that stand on it. By pool; within one, what was read longest ago comes
    /// first. None: there is no such image.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::AmbiguousImage`] when several grids have an image of this name.
    async fn copies_to_scrub(&self, image: Option<&str>) -> Result<Option<Vec<ScrubCopy>>, CatalogueError>;

    /// The verified copies of the same bytes in other pools: those of its own grid first.
    async fn good_copies(&self, copy: &ScrubCopy) -> Result<Vec<ScrubCopy>, CatalogueError>;

    /// The file is missing, or was read and has other bytes: no image offers it until it is good again. One that was
    /// registered anew since `copy` was listed is left as it is: false.
    async fn set_bad(&self, copy: &ScrubCopy) -> Result<bool, CatalogueError>;

    /// The file was read whole and is as it should be. A damaged one is verified again, for all images that stand on it.
    /// One that was known by its SHA-256 is known by its digest from now on, and its generations by their content, where
    /// `names` gives them: the content first. A file that the catalogue does not know is no error.
    async fn set_scrubbed(
        &self,
        copy: &ScrubCopy,
        names: Option<(Digest, Digest)>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError>;

    /// What the pool would offer after [`crate::Store::set_scrubbed`], without changing anything: the next content of its
    /// `ays-images.json`, which is written before the record.
    async fn rehearse_scrubbed(
        &self,
        copy: &ScrubCopy,
        names: Option<(Digest, Digest)>,
        now: &Timestamp,
    ) -> Result<Vec<Offer>, CatalogueError>;
}
