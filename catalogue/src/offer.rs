//! What a pool offers, as it is written for managers of machines.

use std::fmt;

use async_trait::async_trait;
use ays_model::{BootType, Digest, DiskFormat, ImageName, NodeName, PoolKey};
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;

use crate::{Adopted, CatalogueError, ImageId};

/// An image that a pool offers: the pool holds this file, verified, and each of `stacks` may start machines from it.
///
/// Of the generations whose verified copies the pool holds, it is the newest that is not newer than the image's current
/// one. When all are newer (content that came back elsewhere made an older generation current), it is the newest: no
/// stack loses what it offers by another's registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The image's name.
    #[sqlx(try_from = "String")]
    pub name: ImageName,
    /// The image's number.
    pub id: ImageId,
    /// The number of the offered generation within the image.
    #[sqlx(try_from = "i64")]
    pub generation: u32,
    /// The file's name in the pool.
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
    /// What a machine that starts from it sees, in bytes.
    #[sqlx(try_from = "i64")]
    pub virtual_size: u64,
    /// How a machine starts from it.
    #[sqlx(try_from = "String")]
    pub boot_type: BootType,
    /// The smallest disk that a machine may have, in GB.
    #[sqlx(try_from = "i64")]
    pub minimum_size: u32,
    /// Whether its disk can grow while a machine runs.
    pub hot_resize: bool,
    /// The image's category.
    pub category: String,
    /// The stacks that offer it, by name.
    #[sqlx(skip)]
    pub stacks: Vec<NodeName>,
    /// Whether its source's bytes were verified against what the source says.
    pub verified_at_source: bool,
}

/// The content of a pool's `ays-images.json`: `version`, 1, and `images`, the [`Offer`]s by name, with `name`, `id`,
/// `generation`, `file`, `format` (`raw`, `qcow2`), `digest` (`fsverity-sha256:` and what `fsverity digest` prints
/// of the file; `sha256:` and its SHA-256 where it was stored by a version of before), `size` and `virtualSize` (bytes), `bootType` (`bios`,
/// `uefi`), `minimumSize` (GB), `hotResize`, `category`, `stacks` (names) and `verifiedAtSource`. Among them are the
/// adopted entries, as a former owner of the pool wrote them, but for those whose name or file an offer has. The same
/// offers always give the same bytes; the last one is a newline. A reader takes no notice of fields that it does not know.
#[expect(
    clippy::expect_used,
    reason = "strings, numbers and booleans under fixed names always have a JSON text"
)]
pub fn index_json(offers: &[Offer], adopted: &[Adopted]) -> String {
    let is_free =
        |entry: &&Adopted| offers.iter().all(|offer| offer.name != entry.name && offer.file != entry.file);
    let adopted = adopted.iter().filter(is_free).map(|entry| (&entry.name, Entry::Adopted(&entry.entry)));
    let offers = offers.iter().map(|offer| (&offer.name, Entry::Offer(offer)));
    let mut images: Vec<_> = offers.chain(adopted).collect();
    images.sort_by_key(|(name, _)| *name);
    let images = images.into_iter().map(|(_, entry)| entry).collect();
    let mut text =
        serde_json::to_string_pretty(&Index { version: 1, images }).expect("an index is plain data");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Index<'a> {
    version: u32,
    images: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Offer(&'a Offer),
    Adopted(&'a Value),
}

/// What pools offer.
#[async_trait]
pub trait Offers: fmt::Debug + Send + Sync {
    /// What the pool offers now, by name. A pool that the catalogue does not know offers nothing.
    async fn offers(&self, pool: &PoolKey) -> Result<Vec<Offer>, CatalogueError>;
}
