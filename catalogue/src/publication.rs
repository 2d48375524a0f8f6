//! What is published at clouds, and the ledger of every object that was made there for it.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use ays_model::{Digest, Gid, ImageName};
use serde::{Deserialize, Serialize};

use crate::{CatalogueError, ImageId, Timestamp};

/// A publication's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct PublicationId(pub i64);

impl fmt::Display for PublicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a publication is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum PublicationStatus {
    /// It is under way, or whoever was at it is gone.
    Running,
    /// The image is there, and was compared.
    Done,
    /// It came to nothing.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// It was done, and what it had made was removed since.
    Removed,
}

/// The work that makes a placement at a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publication {
    /// Its number; a later one has a higher one.
    pub id: PublicationId,
    /// The image's number.
    pub image_id: ImageId,
    /// The image's grid.
    pub gid: Gid,
    /// The image's name.
    pub image: ImageName,
    /// The generation's number within the image.
    pub generation: u32,
    /// What a machine that starts from it sees.
    pub content: Digest,
    /// The account's name.
    pub account: String,
    /// The target's type.
    pub target: String,
    /// The target's fields, by their keys; no secret is among them.
    pub fields: BTreeMap<String, String>,
    /// What has the name already is replaced.
    pub overwrite: bool,
    /// What was made stays when it fails.
    pub keep: bool,
    /// Where it is.
    pub status: PublicationStatus,
    /// What is done now, or was done last.
    pub message: String,
    /// How many bytes were sent.
    pub bytes_done: u64,
    /// How many there are to send, where that is known.
    pub bytes_total: Option<u64>,
    /// Why it came to nothing.
    pub problem: Option<String>,
    /// What the cloud calls the image.
    pub cloud_id: Option<String>,
    /// Where it is there.
    pub location: Option<String>,
    /// Who asked for it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Who wants it to end.
    pub cancelled_by: Option<String>,
}

/// A publication that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPublication {
    /// See [`Publication::image_id`].
    pub image: ImageId,
    /// See [`Publication::generation`].
    pub generation: u32,
    /// See [`Publication::content`].
    pub content: Digest,
    /// See [`Publication::account`].
    pub account: String,
    /// See [`Publication::target`].
    pub target: String,
    /// See [`Publication::fields`].
    pub fields: BTreeMap<String, String>,
    /// See [`Publication::overwrite`].
    pub overwrite: bool,
    /// See [`Publication::keep`].
    pub keep: bool,
}

/// How a publication ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicationEnd {
    /// The image is there.
    Done {
        /// See [`Publication::cloud_id`].
        cloud_id: String,
        /// See [`Publication::location`].
        location: String,
    },
    /// It came to nothing, because of this.
    Failed(String),
    /// Somebody stopped it.
    Cancelled,
    /// What it had made was removed.
    Removed,
}

/// Which publications are asked for: those that agree with all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublicationFilter {
    /// With this number.
    pub id: Option<PublicationId>,
    /// Of this image.
    pub image: Option<ImageId>,
    /// With this account.
    pub account: Option<String>,
    /// That are there.
    pub status: Option<PublicationStatus>,
}

/// Where an object of a ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ObjectState {
    /// It was to be made; whether it was is not known.
    Intended,
    /// It is there.
    Made,
    /// It is there, and stays, because somebody said so.
    Kept,
    /// It is not there, or not there any more.
    Removed,
}

/// An object at a cloud: an image, a blob, an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudObject {
    /// 1, 2, 3, .. within its publication, in the order in which they were wanted.
    pub number: u32,
    /// What it is, in the target's words.
    pub kind: String,
    /// What it is made with, so that it can be found when no answer came.
    pub key: String,
    /// What the cloud calls it, once that is known.
    pub cloud_id: Option<String>,
    /// Whether it is there.
    pub state: ObjectState,
    /// Since when it is so.
    pub changed_at: Timestamp,
}

/// Publications and their ledgers. One that is worked on is locked by who does so.
#[async_trait]
pub trait Publications: fmt::Debug + Send + Sync {
    /// Begins a publication, or finds the last one of the same content, account, target and fields: one that has failed or was
    /// cancelled is under way again, one that is done is another one only where it is to replace what is there. Whether it is
    /// new. What becomes of one that is under way is for who locks it.
    async fn begin_publication(
        &self,
        new: &NewPublication,
        by: &str,
        now: &Timestamp,
    ) -> Result<(PublicationId, bool), CatalogueError>;

    /// Whoever has locked a publication that is under way goes on with it, in this way.
    async fn resume_publication(
        &self,
        id: PublicationId,
        overwrite: bool,
        keep: bool,
    ) -> Result<(), CatalogueError>;

    /// The publications that agree with the filter, the newest first.
    async fn publications(&self, filter: &PublicationFilter) -> Result<Vec<Publication>, CatalogueError>;

    /// How far a publication is. Whether somebody wants it to end.
    async fn publication_progress(
        &self,
        id: PublicationId,
        message: &str,
        bytes_done: u64,
        bytes_total: Option<u64>,
    ) -> Result<bool, CatalogueError>;

    /// Somebody wants a publication to end; false: it is not under way.
    async fn cancel_publication(&self, id: PublicationId, by: &str) -> Result<bool, CatalogueError>;

    /// A publication has ended.
    async fn end_publication(
        &self,
        id: PublicationId,
        end: &PublicationEnd,
        now: &Timestamp,
    ) -> Result<(), CatalogueError>;

    /// Notes that an object is going to be made. What its ledger says of one of this kind and key; one that was removed is
    /// intended again.
    async fn intend(
        &self,
        of: PublicationId,
        kind: &str,
        key: &str,
        now: &Timestamp,
    ) -> Result<CloudObject, CatalogueError>;

    /// Notes what became of an object, and what the cloud calls it where that is known now.
    async fn note_object(
        &self,
        of: PublicationId,
        number: u32,
        state: ObjectState,
        cloud_id: Option<&str>,
        now: &Timestamp,
    ) -> Result<(), CatalogueError>;

    /// The ledger of a publication, in its order.
    async fn ledger(&self, of: PublicationId) -> Result<Vec<CloudObject>, CatalogueError>;

    /// Notes who has said yes to the licence of what is in an image; who said so first stays.
    async fn accept_licence(&self, image: ImageId, by: &str, now: &Timestamp) -> Result<(), CatalogueError>;

    /// Who has said yes to the licence of what is in an image, and when; none: nobody.
    async fn licence(&self, image: ImageId) -> Result<Option<(String, Timestamp)>, CatalogueError>;
}
