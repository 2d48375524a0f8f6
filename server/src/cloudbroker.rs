//! The calls of the Cloud Broker portal, with their names and parameters. What takes time is a job, whose number is
//! answered; what cannot be is answered at once, with the reason.

use axum::Json;
use axum::http::StatusCode;
use ays_catalogue::{ImageDetail, ImageEdit, ImageMove, Next, StackOffer, next_image_status};
use ays_engine::Mode;
use ays_model::{BootType, Gid};
use ays_operations::{
    self as operations, AddImage, AddedFrom, ChangeImage, DestroyImage, EditImage, ImageChange, Kind,
    Selection, SetAvailability, Wanted,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::caller::{Caller, Operator};
use crate::described;
use crate::jobs::{Queued, queue};
use crate::query::Body;

type Answered = Result<(StatusCode, Json<Queued>), Answer>;

/// An image and the stacks that it is to be available on.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateNodes {
    /// The image's number.
    image_id: i64,
    /// The numbers of the stacks: these, and no others.
    enabled_stacks: Vec<i64>,
}

/// An image.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfImage {
    /// Its number.
    image_id: i64,
    /// Why, for the records.
    #[serde(default)]
    reason: Option<String>,
}

/// An image that is deleted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delete {
    /// Its number.
    image_id: i64,
    /// Why, for the records.
    #[serde(default)]
    reason: Option<String>,
    /// Whether its files are removed from every pool; else it goes to the recycle bin.
    #[serde(default)]
    permanently: bool,
}

/// An image that comes from an address.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Create {
    /// The name that users know.
    name: String,
    /// Where it comes from. No login stands in it: `$(secret.NAME)@` may.
    url: String,
    /// Its grid: the image comes to all of its nodes.
    gid: u32,
    /// `Linux`, `Windows`, or a name of one's own.
    #[serde(default)]
    imagetype: Option<String>,
    /// How machines start from it: bios, uefi.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(bios|uefi)$")]
    boottype: Option<BootType>,
    /// The login that it comes with.
    #[serde(default)]
    username: Option<String>,
    /// That login's password: it is kept nowhere, so none is taken.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
    /// Whose it is: everyone's, 0.
    #[serde(default, rename = "accountId")]
    account_id: u32,
    /// Whether its disk can grow while a machine runs.
    #[serde(default = "yes")]
    hotresize: bool,
}

fn yes() -> bool {
    true
}

/// What is to be said of an image.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Edit {
    /// Its number.
    image_id: i64,
    /// Its name.
    #[serde(default)]
    name: Option<String>,
    /// The login that it comes with.
    #[serde(default)]
    username: Option<String>,
    /// That login's password: it is kept nowhere, so none is taken.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<SecretString>,
    /// Whose it is; 0: everyone's.
    #[serde(default)]
    account_id: Option<u32>,
    /// Whether its disk can grow while a machine runs.
    #[serde(default)]
    hot_resize: Option<bool>,
}

/// Adds an image from an address
#[utoipa::path(post, path = "/restmachine/cloudbroker/image/createImage", request_body = Create, responses(
    (status = 202, description = "It is queued", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn create_image(caller: Caller<Operator>, Body(create): Body<Create>) -> Answered {
    let Create { name, url, gid, imagetype, boottype, username, password, account_id, hotresize } = create;
    no_password(password)?;
    if account_id != 0 {
        let message = "an image is everyone's when it is new: accountId is 0; `edit` gives it to an account";
        return Err(Answer::new(StatusCode::BAD_REQUEST, Kind::Usage, message));
    }
    let add = AddImage {
        from: AddedFrom::Url(url),
        name: name.into(),
        description: None,
        category: imagetype,
        size_gb: None,
        username,
        boot_type: boottype,
        hot_resize: hotresize,
        check: None,
        signed: None,
        nodes: Selection { gid: Some(Gid(gid)), ..Selection::default() },
        mode: Mode::IfNeeded,
        force: false,
        parallel: None,
    };
    queue(&caller, add).await
}

fn no_password(password: Option<SecretString>) -> Result<(), Answer> {
    match password {
        Some(password) if !password.expose_secret().is_empty() => {
            let message = "the password of an image is a secret: this catalogue keeps none";
            Err(Answer::new(StatusCode::BAD_REQUEST, Kind::Usage, message))
        }
        _ => Ok(()),
    }
}

/// Changes what is said of an image
#[utoipa::path(post, path = "/restmachine/cloudbroker/image/edit", request_body = Edit, responses(
    (status = 202, description = "It is queued", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn edit(caller: Caller<Operator>, Body(edit): Body<Edit>) -> Answered {
    let Edit { image_id, name, username, password, account_id, hot_resize } = edit;
    no_password(password)?;
    image(&caller, image_id).await?;
    let edit =
        ImageEdit { name: name.map(Into::into), username, account_id, hot_resize, ..ImageEdit::default() };
    queue(&caller, EditImage { image: image_id.to_string(), edit, reason: None }).await
}

/// Makes the set of stacks that have an image exactly this one
#[utoipa::path(post, path = "/restmachine/cloudbroker/image/updateNodes", request_body = UpdateNodes, responses(
    (status = 202, description = "It is queued", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn update_nodes(
    caller: Caller<Operator>,
    Body(UpdateNodes { image_id, enabled_stacks }): Body<UpdateNodes>,
) -> Answered {
    let detail = image(&caller, image_id).await?;
    let mut stacks = Vec::new();
    for id in enabled_stacks {
        let on = detail.stacks.iter().find(|on: &&StackOffer| on.stack.id.0 == id);
        let none = || {
            let message = format!("no stack of grid {} has the number {id}", detail.image.gid);
            Answer::new(StatusCode::BAD_REQUEST, Kind::Usage, message)
        };
        stacks.push(on.ok_or_else(none)?.stack.name.clone());
    }
    let set = SetAvailability {
        image: image_id.to_string(),
        gid: None,
        wanted: Wanted::Set(stacks),
        seen: None,
        canary: None,
        check: None,
        reason: None,
    };
    queue(&caller, set).await
}

/// Makes a disabled image usable again
#[utoipa::path(post, path = "/restmachine/cloudbroker/image/enable", request_body = OfImage, responses(
    (status = 202, description = "It is queued", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn enable(caller: Caller<Operator>, Body(of): Body<OfImage>) -> Answered {
    change(&caller, of, ImageMove::Enable).await
}

/// Takes an image away for now
#[utoipa::path(post, path = "/restmachine/cloudbroker/image/disable", request_body = OfImage, responses(
    (status = 202, description = "It is queued", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn disable(caller: Caller<Operator>, Body(of): Body<OfImage>) -> Answered {
    change(&caller, of, ImageMove::Disable).await
}

/// Puts an image into the recycle bin, or removes its files for ever
#[utoipa::path(post, path = "/restmachine/cloudbroker/image/delete", request_body = Delete, responses(
    (status = 202, description = "It is queued", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn delete(
    caller: Caller<Operator>,
    Body(Delete { image_id, reason, permanently }): Body<Delete>,
) -> Answered {
    if permanently {
        image(&caller, image_id).await?;
        return queue(&caller, DestroyImage { image: image_id.to_string(), reason }).await;
    }
    change(&caller, OfImage { image_id, reason }, ImageMove::Delete).await
}

/// Brings an image back from the recycle bin
#[utoipa::path(post, path = "/restmachine/cloudbroker/image/restore", request_body = OfImage, responses(
    (status = 202, description = "It is queued", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn restore(caller: Caller<Operator>, Body(of): Body<OfImage>) -> Answered {
    change(&caller, of, ImageMove::Restore).await
}

async fn image(caller: &Caller<Operator>, id: i64) -> Result<ImageDetail, Answer> {
    Ok(operations::image(caller.controller().await?, id.to_string()).await?)
}

/// Queues the change of an image's state, unless it cannot be.
async fn change(
    caller: &Caller<Operator>,
    OfImage { image_id, reason }: OfImage,
    step: ImageMove,
) -> Answered {
    let is = image(caller, image_id).await?.image;
    if let Next::Wrong(why) = next_image_status(is.status, step) {
        let message = format!("image {} {}", is.name, why.replace("NAME", is.name.as_str()));
        return Err(Answer::new(StatusCode::BAD_REQUEST, Kind::Usage, message));
    }
    queue(caller, ChangeImage { image: image_id.to_string(), to: ImageChange::Move(step), reason }).await
}
