//! Jobs.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use ays_catalogue::{Job, JobFilter, JobId, JobStatus};
use ays_operations::{self as operations, Operation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use utoipa::{IntoParams, ToSchema};

use crate::answer::Answer;
use crate::caller::{Caller, Operator, Viewer};
use crate::described;
use crate::query::{Body, Limit, Path, Query};

/// Which jobs.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// Where they are: queued, running, succeeded, failed, cancelled
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^(queued|running|succeeded|failed|cancelled)$")]
    status: Option<JobStatus>,
    /// Only of this kind of operation
    #[serde(default)]
    kind: Option<String>,
    /// Only those with a lower number
    #[serde(default)]
    before: Option<i64>,
    /// How many at the most
    #[serde(default = "Limit::usual")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
}

/// The number of a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Its number.
    pub job: i64,
}

/// Jobs, the newest first
#[utoipa::path(get, path = "/api/v1/jobs", params(JobsQuery), responses(
    (status = 200, description = "The jobs", body = described::Jobs),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn jobs(
    caller: Caller<Viewer>,
    Query(JobsQuery { status, kind, before, limit }): Query<JobsQuery>,
) -> Result<Json<Vec<Job>>, Answer> {
    let filter = JobFilter { kind, status, before: before.map(JobId), limit: Some(limit.0) };
    Ok(Json(operations::jobs(caller.controller().await?, filter).await?))
}

/// Asks for an operation: the next worker that is free does it
#[utoipa::path(post, path = "/api/v1/jobs", request_body = described::Operation, responses(
    (status = 202, description = "It is queued", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn add_job(
    caller: Caller<Operator>,
    Body(operation): Body<Operation>,
) -> Result<(StatusCode, Json<Queued>), Answer> {
    queue(&caller, operation).await
}

/// Queues an operation for a caller.
pub(crate) async fn queue(
    caller: &Caller<Operator>,
    operation: impl Into<Operation>,
) -> Result<(StatusCode, Json<Queued>), Answer> {
    let id = operations::add_job(caller.controller().await?, operation.into()).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { job: id.0 })))
}

/// A job by its number
#[utoipa::path(get, path = "/api/v1/jobs/{job}", params(("job" = i64, Path, description = "Its number")), responses(
    (status = 200, description = "The job", body = described::Job),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn job(caller: Caller<Viewer>, Path(job): Path<i64>) -> Result<Json<Job>, Answer> {
    Ok(Json(operations::job(caller.controller().await?, JobId(job)).await?))
}

/// Which events of a job.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Only those after the one of this number
    #[serde(default)]
    after: u32,
    /// How many seconds to wait for one, at most 30
    #[serde(default)]
    #[param(minimum = 0, maximum = 30)]
    wait: u32,
}

/// What happened in a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct Events {
    /// The number of the last event: ask again with it.
    last: u32,
    /// The events, as `ays job follow --json` prints them.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Value>,
    /// Whether the job is over and these are the last.
    over: bool,
}

/// How often a waiting call looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How many events are answered at once.
const EVENTS: u32 = 500;

/// What happens in a job
#[utoipa::path(get, path = "/api/v1/jobs/{job}/events", params(("job" = i64, Path, description = "Its number"), EventsQuery), responses(
    (status = 200, description = "What happened", body = Events),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn events(
    caller: Caller<Viewer>,
    Path(job): Path<i64>,
    Query(EventsQuery { after, wait }): Query<EventsQuery>,
) -> Result<Json<Events>, Answer> {
    let controller = caller.controller().await?;
    let _poll = caller.server().poll().ok_or_else(Answer::busy)?;
    let until = Instant::now() + Duration::from_secs(u64::from(wait.min(30)));
    loop {
        // Before its events: what it told before it was over is there then.
        let is_over = operations::job(controller.clone(), JobId(job)).await?.status.is_over();
        let found = controller.catalogue.job_events(JobId(job), after, EVENTS).await?;
        if !found.is_empty() || is_over || Instant::now() >= until {
            let over = is_over && found.len() < EVENTS as usize;
            let last = found.last().map_or(after, |(number, _)| *number);
            return Ok(Json(Events {
                last,
                events: found.into_iter().map(|(_, event)| event).collect(),
                over,
            }));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Ends a job; what it has done stays
#[utoipa::path(post, path = "/api/v1/jobs/{job}/cancel", params(("job" = i64, Path, description = "Its number")), responses(
    (status = 200, description = "The job as it is now", body = described::Job),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn cancel(caller: Caller<Operator>, Path(job): Path<i64>) -> Result<Json<Job>, Answer> {
    Ok(Json(operations::cancel_job(caller.controller().await?, JobId(job)).await?))
}

/// Asks for the operation of a job that is over once more
#[utoipa::path(post, path = "/api/v1/jobs/{job}/retry", params(("job" = i64, Path, description = "Its number")), responses(
    (status = 202, description = "It is queued as another job", body = Queued),
    (status = "default", description = "Why not", body = described::ProblemDetails, content_type = "application/problem+json"),
))]
pub(crate) async fn retry(
    caller: Caller<Operator>,
    Path(job): Path<i64>,
) -> Result<(StatusCode, Json<Queued>), Answer> {
    let id = operations::retry_job(caller.controller().await?, JobId(job)).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { job: id.0 })))
}
