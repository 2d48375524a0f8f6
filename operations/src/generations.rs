//! One generation of an image, and the copies of it that are good.

use ays_catalogue::{CopyState, Generation, ImageDetail, ScrubCopy};

use crate::controller::Controller;
use crate::error::{Error, Kind};

/// Why a generation cannot be used.
#[derive(Debug, thiserror::Error)]
enum NoGeneration {
    #[error("{image} has no generation {number}: `ays image generations {image}` shows those it has")]
    Number { image: String, number: u32 },
    #[error("{0} has no generation yet")]
    None(String),
    #[error("no pool holds a verified copy of generation {number} of {image}")]
    NoCopy { image: String, number: u32 },
}

/// The generation of this number, or the current one.
pub(crate) fn generation(detail: &ImageDetail, number: Option<u32>) -> Result<&Generation, Error> {
    let image = || detail.image.name.to_string();
    let Some(number) = number else {
        return detail.current().ok_or_else(|| Error::new(Kind::Failed, NoGeneration::None(image())));
    };
    let found = detail.generations.iter().find(|generation| generation.number == number);
    found.ok_or_else(|| Error::new(Kind::Unknown, NoGeneration::Number { image: image(), number }))
}

/// The verified copies of a generation; never none.
pub(crate) async fn verified_copies(
    controller: &Controller,
    detail: &ImageDetail,
    generation: &Generation,
) -> Result<Vec<ScrubCopy>, Error> {
    let id = detail.image.id.0.to_string();
    let mut copies = controller.catalogue.copies_to_scrub(Some(&id)).await?.unwrap_or_default();
    let is_verified = |copy: &ScrubCopy| {
        let mut good = generation.copies.iter().filter(|copy| copy.state == CopyState::Verified);
        good.any(|good| good.pool == copy.pool && good.file == copy.file)
    };
    copies.retain(is_verified);
    if copies.is_empty() {
        let (image, number) = (detail.image.name.to_string(), generation.number);
        return Err(Error::new(Kind::Failed, NoGeneration::NoCopy { image, number }));
    }
    Ok(copies)
}
