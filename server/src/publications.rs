//! What is published at clouds, and with which accounts. Secrets of accounts are not told, and not taken.

use axum::Json;
use ays_catalogue::{CloudAccount, ImageId, Publication, PublicationFilter, PublicationId};
use ays_operations::{self as operations, Error, Kind, Operation, PublicationPlan};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::answer::Answer;
use crate::caller::{Caller, Operator, Viewer};
use crate::described;
use crate::query::{Body, Path, Query};

/// Which publications.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PublicationsQuery {
    /// Only of the image of this number
    #[serde(default)]
    image: Option<i64>,
    /// Only with this account
    #[serde(default)]
    account: Option<String>,
}

/// The accounts at clouds, without their secrets
#[utoipa::path(get, path = "/api/v1/accounts", responses(
    (status = 200, description = "The accounts", body = described::CloudAccounts),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn accounts(caller: Caller<Viewer>) -> Result<Json<Vec<CloudAccount>>, Answer> {
    Ok(Json(operations::accounts(caller.controller().await?).await?))
}

/// Publications, the newest first
#[utoipa::path(get, path = "/api/v1/publications", params(PublicationsQuery), responses(
    (status = 200, description = "The publications", body = described::Publications),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn publications(
    caller: Caller<Viewer>,
    Query(PublicationsQuery { image, account }): Query<PublicationsQuery>,
) -> Result<Json<Vec<Publication>>, Answer> {
    let filter = PublicationFilter { image: image.map(ImageId), account, ..PublicationFilter::default() };
    Ok(Json(operations::publications(caller.controller().await?, filter).await?))
}

/// What publishing an image would do, and what stands in the way. Nothing is sent and nothing made
#[utoipa::path(post, path = "/api/v1/publications/plan", request_body = described::Operation, responses(
    (status = 200, description = "For each account, what would be done", body = described::PublicationPlans),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn plan(
    caller: Caller<Operator>,
    Body(operation): Body<Operation>,
) -> Result<Json<Vec<PublicationPlan>>, Answer> {
    let Operation::PublishImage(publish) = operation else {
        return Err(Error::new(Kind::Usage, "only a `publish` is planned here").into());
    };
    Ok(Json(caller.server().plan_publication(&caller.name, &publish).await?))
}

/// A publication, and all that it made
#[utoipa::path(get, path = "/api/v1/publications/{publication}", params(("publication" = i64, Path, description = "Its number")), responses(
    (status = 200, description = "The publication", body = described::Publication),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn publication(caller: Caller<Viewer>, Path(id): Path<i64>) -> Result<Json<Value>, Answer> {
    let (controller, id) = (caller.controller().await?, PublicationId(id));
    let publication = operations::publication(&controller, id).await?;
    let ledger = operations::ledger(&controller, id).await?;
    Ok(Json(json!({"publication": publication, "ledger": ledger})))
}
