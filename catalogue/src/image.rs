//! Images and their generations, as they are shown.

use std::fmt;

use async_trait::async_trait;
use ays_model::{BootType, Digest, DiskFormat, Gid, ImageName, Md5, Sha256, TemplateName};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{CatalogueError, Copy, DiskFacts, ImageQuery, Page, Stack, Timestamp};

/// An image's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct ImageId(pub i64);

/// A generation's number among those of all images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct GenerationId(pub i64);

/// Where an image is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "UPPERCASE")]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum ImageStatus {
    /// Not usable yet.
    Creating,
    /// Usable; only this is offered.
    Created,
    /// An operator took it away for now.
    Disabled,
    /// In the recycle bin.
    Deleted,
    /// Gone.
    Destroyed,
}

/// An image: the record that users know, with AYS's field names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Image {
    /// Its number.
    pub id: ImageId,
    /// A UUID, made once.
    pub guid: String,
    /// Its name, unique in its grid.
    #[sqlx(try_from = "String")]
    pub name: ImageName,
    /// For people.
    pub description: String,
    /// Its category (`Linux`, `Windows`, or a name of the recipe's own).
    #[serde(rename = "type")]
    #[sqlx(rename = "type")]
    pub category: String,
    /// The smallest disk that a machine may have, in GB.
    #[serde(rename = "size")]
    #[sqlx(try_from = "i64")]
    pub size_gb: u32,
    /// The login that the image comes with.
    pub username: Option<String>,
    /// Always null: that login's password is a secret, and the catalogue has no place for one.
    #[sqlx(skip)]
    pub password: (),
    /// Whose it is; 0: everyone's.
    #[serde(rename = "accountId")]
    #[sqlx(try_from = "i64")]
    pub account_id: u32,
    /// Always empty: an image is everyone's.
    #[sqlx(skip)]
    pub acl: [(); 0],
    /// Its grid.
    #[sqlx(try_from = "i64")]
    pub gid: Gid,
    /// Always `libvirt`.
    #[serde(rename = "providerName")]
    pub provider_name: String,
    /// The stored template's own id: a UUID, made once.
    #[serde(rename = "referenceId")]
    pub reference_id: String,
    /// Where a verified copy of its current generation lies, in a shared pool if there is one; none when no pool has one.
    #[serde(rename = "UNCPath")]
    pub unc_path: Option<String>,
    /// Where it came from, without credentials.
    pub url: String,
    /// When this record last changed.
    #[serde(rename = "lastModified")]
    pub last_modified: Timestamp,
    /// Where it is in its life.
    pub status: ImageStatus,
    /// How a machine starts from it.
    #[serde(rename = "bootType")]
    #[sqlx(try_from = "String")]
    pub boot_type: BootType,
    /// Whether its disk can grow while a machine runs.
    #[serde(rename = "hotResize")]
    pub hot_resize: bool,
}

/// One content of an image. It never changes; what is in it may become known later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Generation {
    /// Its number among those of all images.
    pub id: GenerationId,
    /// 1, 2, 3, .. within its image.
    #[sqlx(try_from = "i64")]
    pub number: u32,
    /// Whether it is the one that was registered last, or that an operator went back to: what stacks offer as soon as
    /// their pools have it.
    pub current: bool,
    /// When an operator went back from it; none: nobody did, or it was made current again. Registering it again does not
    /// make it current.
    pub undone_at: Option<Timestamp>,
    /// Who did.
    pub undone_by: Option<String>,
    /// Where it came from, without credentials.
    pub source_url: String,
    /// The source's `ETag`, as sent.
    pub etag: Option<String>,
    /// The source's own date, as sent.
    pub last_modified: Option<String>,
    /// Of the source.
    #[sqlx(try_from = "String")]
    pub source_md5: Md5,
    /// Of the source.
    #[sqlx(try_from = "String")]
    pub source_sha256: Sha256,
    /// The source's length in bytes.
    #[sqlx(try_from = "i64")]
    pub source_size: u64,
    /// Whether its bytes were verified against what the source says.
    pub verified_at_source: bool,
    /// The checksum that they were verified by, as [`ays_model::Checksum`] is written.
    pub verified_by: Option<String>,
    /// The fingerprint of the key by which they were proven.
    pub signed_by: Option<String>,
    /// Whose key that is, by its own words.
    pub signer: Option<String>,
    /// What the source calls this state of its image, where it has versions.
    pub source_version: Option<String>,
    /// What it was stored as when it was made.
    #[sqlx(try_from = "String")]
    pub format: DiskFormat,
    /// What a machine that starts from it sees.
    #[sqlx(try_from = "String")]
    pub content: Digest,
    /// The stored file's length then, in bytes.
    #[sqlx(try_from = "i64")]
    pub stored_size: u64,
    /// What a machine that starts from it sees, in bytes.
    #[sqlx(try_from = "i64")]
    pub virtual_size: u64,
    /// The recipe that made it.
    #[sqlx(try_from = "String")]
    pub template: TemplateName,
    /// The recipe's checksum then.
    #[sqlx(try_from = "String")]
    pub template_checksum: Md5,
    /// The environment's commit then.
    pub template_commit: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who made it.
    pub made_by: String,
    /// What was found in it.
    #[sqlx(flatten)]
    pub disk: DiskFacts,
    /// Where it is.
    #[sqlx(skip)]
    pub copies: Vec<Copy>,
}

/// An image on a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackOffer {
    /// The stack.
    pub stack: Stack,
    /// An operator wants the image there.
    pub wanted: bool,
    /// The number of the generation that is offered there; none: the image is not available there.
    pub offered_generation: Option<u32>,
}

/// An image with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageDetail {
    /// The record.
    #[serde(flatten)]
    pub image: Image,
    /// Newest first.
    pub generations: Vec<Generation>,
    /// All stacks of its grid, by name.
    pub stacks: Vec<StackOffer>,
}

impl ImageDetail {
    /// The current generation; none: nothing was registered yet.
    pub fn current(&self) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.current)
    }
}

/// Images and their generations, as they are shown.
#[async_trait]
pub trait Images: fmt::Debug + Send + Sync {
    /// All images, by name and grid.
    async fn images(&self) -> Result<Vec<Image>, CatalogueError>;

    /// A part of the images, and how many there are that the query means.
    async fn image_page(&self, query: &ImageQuery) -> Result<Page<Image>, CatalogueError>;

    /// The generation of every image that was brought from its source last, by the image's name and grid, without its
    /// copies: the current one, or a newer one that was undone. Those of images that are in the recycle bin or destroyed are
    /// left out.
    async fn current_generations(&self) -> Result<Vec<(Image, Generation)>, CatalogueError>;

    /// Every generation that a stack offers, with its image, by the image's name and grid and the generation's number, without
    /// its copies. One that was undone is left out where another one of its image is offered.
    async fn offered_generations(&self) -> Result<Vec<(Image, Generation)>, CatalogueError>;

    /// The contents of which a pool has a verified copy.
    async fn verified_contents(&self) -> Result<Vec<Digest>, CatalogueError>;

    /// The image of this name or, when none has it, of this number.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::AmbiguousImage`] when several grids have an image of this name.
    async fn image(&self, name_or_id: &str) -> Result<Option<ImageDetail>, CatalogueError>;
}
