//! Registering an image: what is on a pool's disk becomes true in the catalogue, in one transaction.

use std::fmt;

use async_trait::async_trait;
use ays_model::{
    BootType, Digest, DiskFormat, ImageName, Md5, NodeName, PoolKey, Proof, Sha256, Signer, TemplateName,
};

use crate::{CatalogueError, GenerationId, ImageId, ImageStatus, Offer, Timestamp};

/// A file that lies verified and synced in a pool, and the image that it is a generation of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The record that users know.
    pub image: ImageFacts,
    /// What was fetched.
    pub source: SourceFacts,
    /// What lies in the pool.
    pub stored: StoredFacts,
    /// The recipe.
    pub template: TemplateFacts,
    /// Who registers it.
    pub by: String,
    /// Where it lies. The image's grid is this pool's.
    pub pool: PoolKey,
    /// The names of the stacks of this grid on which the image is wanted from now on, besides those where it is already.
    pub wanted_on: Vec<NodeName>,
}

/// What a recipe says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// Its name, unique in its grid.
    pub name: ImageName,
    /// For people; none: what was said before stays.
    pub description: Option<String>,
    /// `Linux`, `Windows`, or a name of the recipe's own.
    pub category: String,
    /// The smallest disk that a machine may have, in GB.
    pub size_gb: u32,
    /// The login that the image comes with. Its password has no place here.
    pub username: Option<String>,
    /// How a machine starts from it.
    pub boot_type: BootType,
    /// Whether its disk can grow while a machine runs.
    pub hot_resize: bool,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// Where from, as it may be shown: without credentials.
    pub url: String,
    /// The source's `ETag`, as sent.
    pub etag: Option<String>,
    /// The source's own date, as sent.
    pub last_modified: Option<String>,
    /// Of its bytes.
    pub md5: Md5,
    /// Of its bytes.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
    /// What the bytes were verified by; none: they were only received.
    pub verified_by: Option<Proof>,
    /// Who has signed them, or the list that verified them.
    pub signed_by: Option<Signer>,
    /// What the source calls this state of it, where it has versions.
    pub version: Option<String>,
}

/// What lies in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFacts {
    /// The file's name in the pool.
    pub file: String,
    /// What the file is.
    pub format: DiskFormat,
    /// What a machine that starts from it sees.
    pub content: Digest,
    /// Of the file: of a raw file it is the content.
    pub digest: Digest,
    /// The file's length in bytes.
    pub size: u64,
    /// What a machine that starts from it sees, in bytes.
    pub virtual_size: u64,
}

/// The recipe that an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFacts {
    /// Its name.
    pub name: TemplateName,
    /// Its checksum.
    pub checksum: Md5,
    /// The environment's commit.
    pub commit: Option<String>,
}

/// What a registration made or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The image.
    pub image_id: ImageId,
    /// The generation.
    pub generation: GenerationId,
    /// The generation's number within the image.
    pub number: u32,
    /// The image was not in the catalogue before.
    pub new_image: bool,
    /// Nor was this content of it.
    pub new_generation: bool,
    /// Where the image is in its life now: only CREATED is offered.
    pub status: ImageStatus,
    /// An operator went back from this generation, so it did not become the current one.
    pub undone: bool,
}

/// What registering an image changes.
#[async_trait]
pub trait Registrations: fmt::Debug + Send + Sync {
    /// Makes or updates the image, makes its generation or finds the one with the same content (else one of before, whose
    /// content is not known yet, with the same source SHA-256 and format), says that its copy in the pool is verified, and wants the image on the stacks.
    /// All of it or nothing; doing it again changes nothing.
    ///
    /// The generation becomes the image's current one, unless an operator went back from it. Pools that do not have it go on
    /// offering what they have (see [`Offer`]).
    ///
    /// An install is an operator's word: an image that is in the recycle bin, or was destroyed, is CREATED again. One that
    /// is disabled stays so.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::UnknownStack`] for a name that [`crate::Store::set_stacks`] did not give.
    async fn register(
        &self,
        registration: &Registration,
        now: &Timestamp,
    ) -> Result<Registered, CatalogueError>;

    /// What the pool would offer after [`crate::Store::register`], without changing anything: the next content of its
    /// `ays-images.json`, which is written before the record.
    async fn rehearse(
        &self,
        registration: &Registration,
        now: &Timestamp,
    ) -> Result<Vec<Offer>, CatalogueError>;
}
