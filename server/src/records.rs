//! What was changed and what was run.

use axum::Json;
use ays_catalogue::{AuditOf, AuditRecord, Role, Run};
use ays_operations as operations;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer::Answer;
use crate::caller::{Caller, Viewer};
use crate::described;
use crate::query::{Limit, Query};

/// Which changes.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only of the images of this name
    #[serde(default)]
    image: Option<String>,
    /// How many at the most
    #[serde(default = "Limit::usual")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// Which runs.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsQuery {
    /// Only of this template
    #[serde(default)]
    template: Option<String>,
    /// Only on this node
    #[serde(default)]
    node: Option<String>,
    /// How many at the most
    #[serde(default = "Limit::usual")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// Who changed what, when and why; the last first. Only admins see changes of users
#[utoipa::path(get, path = "/api/v1/audit", params(AuditQuery), responses(
    (status = 200, description = "The changes", body = described::Audit),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn audit(
    caller: Caller<Viewer>,
    Query(AuditQuery { image, limit }): Query<AuditQuery>,
) -> Result<Json<Vec<AuditRecord>>, Answer> {
    let of = match image {
        Some(image) => AuditOf::Image(image),
        None if caller.role == Role::Admin => AuditOf::All,
        None => AuditOf::AllButUsers,
    };
    Ok(Json(operations::audit(caller.controller().await?, of, limit.0).await?))
}

/// Runs of recipes on nodes, the newest first
#[utoipa::path(get, path = "/api/v1/runs", params(RunsQuery), responses(
    (status = 200, description = "The runs", body = described::Runs),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn runs(
    caller: Caller<Viewer>,
    Query(RunsQuery { template, node, limit }): Query<RunsQuery>,
) -> Result<Json<Vec<Run>>, Answer> {
    let (template, node) = (template.map(Into::into), node.map(Into::into));
    Ok(Json(operations::runs(caller.controller().await?, template, node, limit.0).await?))
}
