//! Copies of a generation that are brought to pools which lack it.

use std::fmt;

use async_trait::async_trait;
use ays_model::{Digest, DiskFormat, PoolKey};

use crate::{CatalogueError, GenerationId, Offer, Timestamp};

/// A copy of a generation, on its way into a pool or there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCopy {
    /// What it is a copy of.
    pub generation: GenerationId,
    /// Where.
    pub pool: PoolKey,
    /// Its file's name in the pool.
    pub file: String,
    /// What the file is.
    pub format: DiskFormat,
    /// Of the file.
    pub digest: Digest,
    /// The file's length in bytes.
    pub size: u64,
}

/// What is recorded of copies that are brought.
#[async_trait]
pub trait Arrivals: fmt::Debug + Send + Sync {
    /// They are on their way; all of them or none. One that is there stays as it is. What is said of their files is what those
    /// have that they are made of.
    async fn set_arriving(&self, copies: &[NewCopy]) -> Result<(), CatalogueError>;

    /// They did not come: they are on their way no more.
    async fn forget_arriving(
        &self,
        generation: GenerationId,
        pools: &[PoolKey],
    ) -> Result<(), CatalogueError>;

    /// It is there: complete, verified and synced under its final name.
    async fn set_arrived(&self, copy: &NewCopy, now: &Timestamp) -> Result<(), CatalogueError>;

    /// What the pool would offer after [`Arrivals::set_arrived`], without changing anything: the next content of its
    /// `ays-images.json`, which is written before the record.
    async fn rehearse_arrived(&self, copy: &NewCopy, now: &Timestamp) -> Result<Vec<Offer>, CatalogueError>;
}
