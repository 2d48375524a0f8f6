//! What operators change of images and stacks as a whole.

use std::fmt;

use async_trait::async_trait;
use ays_model::PoolKey;
use serde_json::Value;

use crate::{CatalogueError, ChangedBy, ImageEdit, ImageId, ImageMove, Offer, StackId, StackStatus};

/// What an operator changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An image's state. Destroying wants that no copy of it is left; what is wanted of it and what is installed of it
    /// is forgotten.
    Image(ImageId, ImageMove),
    /// The image's current generation becomes the one of this number; none: the one before. Those that are newer than it are
    /// undone: registering them again does not make them current.
    Undo(ImageId, Option<u32>),
    /// The image is wanted on some more stacks of its grid, and on others no more.
    Wanted {
        /// The image.
        image: ImageId,
        /// Where it is wanted from now on.
        add: Vec<StackId>,
        /// Where it is not.
        remove: Vec<StackId>,
    },
    /// What is said of the image.
    Edit(ImageId, Box<ImageEdit>),
    /// A stack's state.
    Stack(StackId, StackStatus),
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What it was: a state, a generation's number, the names of stacks, the facts that are others now.
    pub before: Value,
    /// What it is.
    pub after: Value,
    /// The pools whose indexes may be others now, or may not be what they should be since it was changed before.
    pub pools: Vec<PoolKey>,
}

impl Changed {
    /// Whether it was so already.
    pub fn is_same(&self) -> bool {
        self.before == self.after
    }
}

/// What operators change of images and stacks as a whole.
#[async_trait]
pub trait Changes: fmt::Debug + Send + Sync {
    /// Makes the change. What is so already is no error.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::WrongMove`] where it may not follow what is; of an undo [`CatalogueError::NothingBefore`],
    /// [`CatalogueError::NoGeneration`] and [`CatalogueError::NotHeld`].
    async fn change(&self, change: Change, by: &ChangedBy) -> Result<Changed, CatalogueError>;

    /// What the pools will offer after the change, without changing anything: the next contents of their
    /// `ays-images.json`.
    async fn preview(
        &self,
        change: Change,
        by: &ChangedBy,
    ) -> Result<Vec<(PoolKey, Vec<Offer>)>, CatalogueError>;
}
