//! Whether the catalogue agrees with itself, and what must lie in the pools.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use ays_model::{Digest, DiskFormat, Finding, ImageName, PoolKey, TemplateName};
use sqlx::FromRow;

use crate::{
    CatalogueError, ChangedBy, CopyState, GenerationId, ImageStatus, NewCopy, Offer, ScrubCopy, Timestamp,
    index_json,
};

/// The code of a finding that says that the database itself is damaged: nothing that it says can be relied on.
pub const DATABASE_IS_DAMAGED: &str = "database";

/// All that is recorded of a pool, as one moment has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolRecord {
    /// The pool.
    pub pool: PoolKey,
    /// Its copies, by file and image.
    pub copies: Vec<RecordedCopy>,
    /// The names of the files that were adopted with it.
    pub adopted: Vec<String>,
    /// What its `ays-images.json` must say.
    pub index: String,
    /// What it offers.
    pub offers: Vec<Offer>,
}

/// A copy, with what it is a copy of.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RecordedCopy {
    /// Its file's name in the pool.
    pub file: String,
    /// What the file is.
    #[sqlx(try_from = "String")]
    pub format: DiskFormat,
    /// Of the file.
    #[sqlx(try_from = "String")]
    pub digest: Digest,
    /// The file's length in bytes.
    #[sqlx(try_from = "i64")]
    pub size: u64,
    /// What is known of it.
    pub state: CopyState,
    /// When it became verified.
    pub verified_at: Option<Timestamp>,
    /// When its file was last read whole and was as it should be.
    pub scrubbed_at: Option<Timestamp>,
    /// What it is a copy of.
    #[sqlx(rename = "generation_id")]
    pub generation: GenerationId,
    /// That generation's image.
    #[sqlx(try_from = "String")]
    pub image: ImageName,
    /// The template that made it.
    #[sqlx(try_from = "String")]
    pub template: TemplateName,
}

/// A generation whose content has certain digits.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct KnownContent {
    /// The generation.
    #[sqlx(rename = "generation_id")]
    pub generation: GenerationId,
    /// Its number within its image.
    #[sqlx(try_from = "i64")]
    pub number: u32,
    /// What a machine that starts from it sees.
    #[sqlx(try_from = "String")]
    pub content: Digest,
    /// The size of that, in bytes.
    #[sqlx(try_from = "i64")]
    pub virtual_size: u64,
    /// Its image.
    #[sqlx(try_from = "String")]
    pub image: ImageName,
    /// That image's state.
    pub status: ImageStatus,
}

impl PoolRecord {
    pub(crate) fn new(
        pool: PoolKey,
        copies: Vec<RecordedCopy>,
        adopted_files: Vec<String>,
        offers: Vec<Offer>,
        adopted: &[crate::Adopted],
    ) -> Self {
        let index = index_json(&offers, adopted);
        Self { pool, copies, adopted: adopted_files, index, offers }
    }

    /// The names of all files that are known to be, or to have been, in the pool; each once.
    pub fn files(&self) -> Vec<String> {
        let copies = self.copies.iter().map(|copy| &copy.file);
        copies.chain(&self.adopted).collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// The copies of a file.
    pub fn copies_of<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a RecordedCopy> {
        self.copies.iter().filter(move |copy| copy.file == file)
    }

    /// A verified file as [`crate::Scrubbing`] has it; none where no copy of it is verified.
    pub fn verified(&self, file: &str) -> Option<ScrubCopy> {
        let copies: Vec<_> = self.copies_of(file).filter(|copy| copy.state == CopyState::Verified).collect();
        let first = copies.first()?;
        Some(ScrubCopy {
            pool: self.pool.clone(),
            file: first.file.clone(),
            format: first.format,
            digest: first.digest,
            size: first.size,
            state: first.state,
            verified_at: copies.iter().filter_map(|copy| copy.verified_at.clone()).max(),
            scrubbed_at: copies.iter().filter_map(|copy| copy.scrubbed_at.clone()).max(),
            images: copies.iter().map(|copy| copy.image.clone()).collect(),
            template: first.template.clone(),
        })
    }
}

/// Whether the catalogue agrees with itself.
#[async_trait]
pub trait Checking: fmt::Debug + Send + Sync {
    /// What must hold of the records, and does not. Where the database itself is damaged, only that.
    async fn check_records(&self) -> Result<Vec<Finding>, CatalogueError>;

    /// The pools that something is recorded of.
    async fn recorded_pools(&self) -> Result<Vec<PoolKey>, CatalogueError>;

    /// All that is recorded of a pool.
    async fn pool_record(&self, pool: &PoolKey) -> Result<PoolRecord, CatalogueError>;

    /// The generations of the pool's grid whose content begins with these hexadecimal digits; the newest first.
    async fn known_contents(&self, pool: &PoolKey, digits: &str)
    -> Result<Vec<KnownContent>, CatalogueError>;

    /// Records a file that lies in a pool as a copy that is to be read: as a damaged one, which nothing offers before
    /// a scrub has read it. Whether it was recorded: a generation has one copy in a pool, and what is known of a file
    /// stays.
    async fn record_found(&self, found: &NewCopy, by: &ChangedBy) -> Result<bool, CatalogueError>;

    /// Notes that a file was removed that was not recorded, and was of this generation by its name.
    async fn note_removed(
        &self,
        pool: &PoolKey,
        file: &str,
        generation: GenerationId,
        by: &ChangedBy,
    ) -> Result<(), CatalogueError>;

    /// Says that a file whose copies were on their way is there, and is to be read, as [`Checking::record_found`] has it.
    async fn set_unread(&self, pool: &PoolKey, file: &str) -> Result<(), CatalogueError>;
}
