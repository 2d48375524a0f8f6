//! The licence of what is in an image: whoever publishes it says once that it may be.

use ays_catalogue::{ImageDetail, Timestamp};
use ays_publish::{ImageFacts, Problem};

use crate::controller::Controller;
use crate::error::Error;

/// What a licence asks for; none: nothing.
fn asked_for(image: &ImageFacts) -> Option<&'static str> {
    let os = image.disk.os.as_deref().unwrap_or_default().to_lowercase();
    let is_red_hat = os.contains("red hat") || image.category.to_lowercase().contains("rhel");
    match image.is_windows() {
        true => Some("Windows is in it: whoever runs it there needs a licence from Microsoft that allows that"),
        false => is_red_hat.then_some(
            "Red Hat Enterprise Linux is in it: it may be published with a provider that Red Hat has certified only",
        ),
    }
}

/// What stands in the way as long as nobody has said yes.
pub(crate) async fn problem(
    controller: &Controller,
    detail: &ImageDetail,
    image: &ImageFacts,
    accepted: bool,
) -> Result<Option<Problem>, Error> {
    let Some(notice) = asked_for(image) else { return Ok(None) };
    if accepted || controller.catalogue.licence(detail.image.id).await?.is_some() {
        return Ok(None);
    }
    Ok(Some(Problem::error(notice, "where that is so, --accept-licence says it, once for this image")))
}

/// Whoever asks for it says yes, where something is asked for.
pub(crate) async fn accept(
    controller: &Controller,
    detail: &ImageDetail,
    image: &ImageFacts,
) -> Result<(), Error> {
    if asked_for(image).is_none() {
        return Ok(());
    }
    let (actor, now) = (&controller.actor.0, Timestamp::now());
    Ok(controller.catalogue.accept_licence(detail.image.id, actor, &now).await?)
}
