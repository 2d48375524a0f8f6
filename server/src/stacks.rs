//! Stacks, and what each offers.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ays_operations as operations;
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::caller::{Caller, Viewer};
use crate::described;
use crate::query::Path;

/// All stacks
#[utoipa::path(get, path = "/api/v1/stacks", responses(
    (status = 200, description = "The stacks", body = described::Stacks),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn stacks(caller: Caller<Viewer>) -> Result<Json<Vec<ays_catalogue::Stack>>, Answer> {
    Ok(Json(operations::stacks(caller.controller().await?).await?))
}

/// A stack by its name
#[utoipa::path(get, path = "/api/v1/stacks/{stack}", params(("stack" = String, Path, description = "Its name")), responses(
    (status = 200, description = "The stack", body = described::Stack),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn stack(
    caller: Caller<Viewer>,
    Path(stack): Path<String>,
) -> Result<Json<ays_catalogue::Stack>, Answer> {
    Ok(Json(operations::stack(caller.controller().await?, stack.into()).await?))
}

/// What a stack offers, as ays-images.json in its pool has it; with an ETag
#[utoipa::path(get, path = "/api/v1/stacks/{stack}/images", params(("stack" = String, Path, description = "Its name")), responses(
    (status = 200, description = "What it offers", body = described::Offers),
    (status = 304, description = "It is still what If-None-Match says"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn offers(
    caller: Caller<Viewer>,
    Path(stack): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Answer> {
    let text = operations::stack_index(caller.controller().await?, stack.into()).await?;
    Ok(unless_known(&headers, text))
}

/// A text in JSON with an ETag, or that it has not changed.
pub(crate) fn unless_known(headers: &HeaderMap, text: String) -> Response {
    let digest = Sha256::digest(text.as_bytes());
    let tag: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known =
        known.flat_map(|value| value.split(',')).map(|known| known.trim().trim_start_matches("W/"));
    if known.any(|known| known == tag || known == "*") {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let kind = "application/json".to_owned();
    ([(header::ETAG, tag), (header::CONTENT_TYPE, kind)], text).into_response()
}
