//! Who the caller is.

use axum::Json;
use ays_catalogue::Role;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::caller::{Caller, Viewer};
use crate::described::ProblemDetails;

/// The caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The user's name.
    name: String,
    /// What they may do: viewer, operator, admin.
    #[schema(value_type = String)]
    role: Role,
}

/// Who the caller is, and what they may do
#[utoipa::path(get, path = "/api/v1/me", responses(
    (status = 200, description = "The caller", body = Me),
    (status = "default", description = "Why not", body = ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn me(caller: Caller<Viewer>) -> Result<Json<Me>, Answer> {
    Ok(Json(Me { name: caller.name, role: caller.role }))
}
