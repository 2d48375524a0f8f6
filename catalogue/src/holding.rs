//! What all stacks have of all images, in one look.

use std::fmt;

use async_trait::async_trait;
use ays_model::{Gid, ImageName, NodeName};
use serde::Serialize;
use sqlx::FromRow;

use crate::{CatalogueError, CopyState, ImageId, StackId};

/// What a stack has of an image that is wanted there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Holding {
    /// The image.
    pub image: ImageId,
    /// Its name.
    #[sqlx(try_from = "String")]
    pub image_name: ImageName,
    /// The stack.
    pub stack: StackId,
    /// Its name.
    #[sqlx(try_from = "String")]
    pub stack_name: NodeName,
    /// The grid of both.
    #[sqlx(try_from = "i64")]
    pub gid: Gid,
    /// The number of the image's current generation; none: it has none yet.
    pub current: Option<i64>,
    /// The number of the generation that the stack offers; none: it does not offer the image.
    pub offers: Option<i64>,
    /// What is known of the current generation's copy in the stack's pool; none: there is none.
    pub copy: Option<CopyState>,
}

/// Which of them are asked for: all, where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HoldingFilter {
    /// Those of this stack.
    pub stack: Option<StackId>,
    /// Those that are not as they should be: the current generation is not offered, or its copy is not verified.
    pub only_wrong: bool,
}

/// What all stacks have of all images.
#[async_trait]
pub trait Holdings: fmt::Debug + Send + Sync {
    /// What each stack has of each image that is wanted there, by the image's name and the stack's. Images in the recycle bin
    /// and destroyed ones are left out, and stacks that the environment has no more.
    async fn holdings(&self, filter: &HoldingFilter) -> Result<Vec<Holding>, CatalogueError>;
}
