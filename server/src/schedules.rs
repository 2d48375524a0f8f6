//! Schedules.

use axum::Json;
use axum::http::StatusCode;
use ays_catalogue::{Schedule, ScheduleId};
use ays_operations::{self as operations, Error, Every, Kind, Operation};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::caller::{Caller, Operator, Viewer};
use crate::described;
use crate::query::{Body, Path};

/// A schedule that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSchedule {
    /// When, in UTC: `daily 03:00`, `weekly sun 03:00`, `hourly`, `every 15m`, `every 2h`.
    #[schema(
        pattern = "^(hourly|daily ([01][0-9]|2[0-3]):[0-5][0-9]|weekly (mon|tue|wed|thu|fri|sat|sun) ([01][0-9]|2[0-3]):[0-5][0-9]|every [1-9][0-9]{0,3}[mh])$"
    )]
    every: String,
    /// What.
    #[schema(value_type = described::Operation)]
    operation: Operation,
}

/// All schedules
#[utoipa::path(get, path = "/api/v1/schedules", responses(
    (status = 200, description = "The schedules", body = described::Schedules),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn schedules(caller: Caller<Viewer>) -> Result<Json<Vec<Schedule>>, Answer> {
    Ok(Json(operations::schedules(caller.controller().await?).await?))
}

/// Asks for an operation again and again
#[utoipa::path(post, path = "/api/v1/schedules", request_body = NewSchedule, responses(
    (status = 201, description = "The schedule", body = described::Schedule),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn add_schedule(
    caller: Caller<Operator>,
    Body(NewSchedule { every, operation }): Body<NewSchedule>,
) -> Result<(StatusCode, Json<Schedule>), Answer> {
    let every: Every = every.parse().map_err(|error| Error::new(Kind::Usage, error))?;
    let schedule = operations::add_schedule(caller.controller().await?, every, operation).await?;
    Ok((StatusCode::CREATED, Json(schedule)))
}

/// Forgets a schedule; its jobs stay
#[utoipa::path(delete, path = "/api/v1/schedules/{schedule}", params(("schedule" = i64, Path, description = "Its number")), responses(
    (status = 204, description = "It is gone"),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn remove_schedule(
    caller: Caller<Operator>,
    Path(schedule): Path<i64>,
) -> Result<StatusCode, Answer> {
    operations::remove_schedule(caller.controller().await?, ScheduleId(schedule)).await?;
    Ok(StatusCode::NO_CONTENT)
}
