//! Enabling, disabling, deleting and restoring an image, and going back to an earlier generation of it.

use ays_catalogue::{Change, Changed, ImageDetail, ImageMove, StackOffer};
use ays_engine::{Direction, PublishError, Published, Stop};
use ays_model::{ImageName, NodeName};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::pool_problem::ChangedPool;
use crate::pools::Pools;
use crate::queries::no_image;

/// A change of an image as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeImage {
    /// Its name or id.
    pub image: String,
    /// What becomes of it.
    pub to: ImageChange,
    /// Why, for the records.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What becomes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageChange {
    /// It has another state. Destroying is [`crate::DestroyImage`].
    Move(ImageMove),
    /// An earlier generation of it is the current one: of this number, or the one before.
    Undo(Option<u32>),
}

/// An image that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedImage {
    /// Its name.
    pub image: ImageName,
    /// The state, or the number of the generation, that it had.
    pub before: Value,
    /// What it has.
    pub after: Value,
    /// The pools that it concerns.
    pub pools: Vec<ChangedPool>,
    /// The enabled stacks where it is wanted and another generation than the current one is offered, or none.
    pub others: Vec<Lagging>,
}

/// A stack that does not offer an image's current generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lagging {
    /// The stack.
    pub stack: NodeName,
    /// The number of the generation that it offers; none: it does not offer the image.
    pub offers: Option<u32>,
}

impl ChangeImage {
    /// Changes it in the catalogue and in the index of every pool that has it, on all nodes at once.
    ///
    /// # Errors
    ///
    /// There is no such image, or it cannot become so. A pool that is not reached is told in the result.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<ChangedImage, Error> {
        let Self { image, to, reason } = self;
        let detail = find(&controller, &image).await?;
        // Of two operators who undo the same at once, the second must not go back one further.
        let before = one_before(&detail);
        let ImageDetail { image, .. } = detail;
        let (change, direction) = match to {
            ImageChange::Move(step @ (ImageMove::Enable | ImageMove::Restore)) => {
                (Change::Image(image.id, step), Direction::More)
            }
            ImageChange::Move(step) => (Change::Image(image.id, step), Direction::Less),
            ImageChange::Undo(number) => (Change::Undo(image.id, number.or(before)), Direction::More),
        };
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(reason);
        let published = pools.publish(&controller, &tell).change(change, &by, direction, &stop).await;
        let Published { changed, failed } = published.map_err(not_changed)?;
        let failed = pools.that_matter(failed);
        let detail = find(&controller, &image.id.0.to_string()).await?;
        let Changed { before, after, pools: concerned } = changed;
        let pools = ChangedPool::all(concerned, &failed);
        Ok(ChangedImage { image: image.name, before, after, pools, others: lagging(&detail) })
    }
}

/// An image by its name or id.
pub(crate) async fn find(controller: &Controller, asked: &str) -> Result<ImageDetail, Error> {
    match controller.catalogue.image(asked).await? {
        Some(detail) => Ok(detail),
        None => Err(no_image(controller, asked).await?.into()),
    }
}

/// Why a change was not made.
pub(crate) fn not_changed(error: PublishError) -> Error {
    match error {
        PublishError::Catalogue(error) => error.into(),
        PublishError::Interrupted => Error::interrupted(),
        error => Error::new(Kind::Failed, error),
    }
}

/// The number of the generation before the current one.
fn one_before(detail: &ImageDetail) -> Option<u32> {
    let current = detail.current()?.number;
    detail.generations.iter().map(|generation| generation.number).filter(|number| *number < current).max()
}

fn lagging(detail: &ImageDetail) -> Vec<Lagging> {
    let current = detail.current().map(|generation| generation.number);
    let lags = |on: &&StackOffer| on.wanted && on.stack.in_environment && on.offered_generation != current;
    let lagging = detail.stacks.iter().filter(lags);
    lagging.map(|on| Lagging { stack: on.stack.name.clone(), offers: on.offered_generation }).collect()
}
