//! Finding what a name, a number or a checksum leads to.

use std::fmt;

use async_trait::async_trait;
use ays_model::NodeName;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::{CatalogueError, Generation, Image, PublicationId};

/// The digits of a checksum that it takes to find something by it: enough not to be met by chance.
pub(crate) const DIGITS: usize = 8;

/// A generation, the image that it is one of, and who offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Its image.
    pub image: Image,
    /// The generation, with its copies.
    pub generation: Generation,
    /// The names of the stacks that offer this generation.
    pub offered_by: Vec<NodeName>,
    /// Where it is at clouds, by account.
    pub published: Vec<CloudPlacement>,
}

/// A generation at a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct CloudPlacement {
    /// The publication that brought it there.
    #[sqlx(rename = "id")]
    pub publication: PublicationId,
    /// With which account.
    pub account: String,
    /// The target's type.
    pub target: String,
    /// What the cloud calls it.
    pub cloud_id: String,
    /// Where it is there.
    pub location: String,
}

/// What a name, a number or a checksum leads to.
#[async_trait]
pub trait Finding: fmt::Debug + Send + Sync {
    /// What `asked` leads to, by image and grid, the newest generation first: all generations of the images of this name
    /// or, when there is none, of this number; else those whose source has this SHA-256 or MD5, or whose content or stored
    /// file has this digest. Of each, the first 8 digits or more will do.
    async fn find(&self, asked: &str) -> Result<Vec<Found>, CatalogueError>;
}
