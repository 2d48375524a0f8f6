//! Copies: a generation's file in one pool.

use std::fmt;

use async_trait::async_trait;
use ays_model::{Digest, DiskFormat, PoolKey, Sha256};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{CatalogueError, GenerationId, Timestamp};

/// What is known of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum CopyState {
    /// On its way; nothing is said of its file.
    Arriving,
    /// Its file was there, complete and synced, under its final name.
    Verified,
    /// Its file was found missing or with other bytes.
    Damaged,
    /// Its file is being removed.
    Removing,
}

/// A copy as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Copy {
    /// Where.
    #[sqlx(flatten, try_from = "crate::pool::PoolRow")]
    pub pool: PoolKey,
    /// What is known of it.
    pub state: CopyState,
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
    /// When it became verified.
    pub verified_at: Option<Timestamp>,
    /// When its file was last read whole and was as it should be; none: not since it was written.
    pub scrubbed_at: Option<Timestamp>,
}

/// A verified copy: what must be on the disk.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct KnownCopy {
    /// Where.
    #[sqlx(flatten, try_from = "crate::pool::PoolRow")]
    pub pool: PoolKey,
    /// What it is a copy of.
    #[sqlx(rename = "generation_id")]
    pub generation: GenerationId,
    /// The generation's number within its image.
    #[sqlx(try_from = "i64")]
    pub number: u32,
    /// Its file's name in the pool.
    pub file: String,
    /// What the file is; the pool's setting may be another one by now.
    #[sqlx(try_from = "String")]
    pub format: DiskFormat,
    /// What a machine that starts from it sees.
    #[sqlx(try_from = "String")]
    pub content: Digest,
    /// Of the file.
    #[sqlx(try_from = "String")]
    pub digest: Digest,
    /// The file's length in bytes.
    #[sqlx(try_from = "i64")]
    pub size: u64,
    /// What a machine that starts from it sees, in bytes.
    #[sqlx(try_from = "i64")]
    pub virtual_size: u64,
}

/// Copies that are looked for, and those that are damaged.
#[async_trait]
pub trait Copies: fmt::Debug + Send + Sync {
    /// The verified copy in `pool` of the newest generation of the pool's grid's image `image_name` that was made
    /// from a source with this SHA-256, in this format.
    async fn copy_of_source(
        &self,
        image_name: &str,
        source_sha256: Sha256,
        format: DiskFormat,
        pool: &PoolKey,
    ) -> Result<Option<KnownCopy>, CatalogueError>;

    /// The file in the pool is missing or has other bytes: no image offers it until it is registered again. A file
    /// that the catalogue does not know is no error.
    async fn mark_damaged(&self, pool: &PoolKey, file: &str) -> Result<(), CatalogueError>;
}
