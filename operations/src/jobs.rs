//! Asking for operations that workers do, and what becomes of them; asking again and again.

use std::time::Duration;

use ays_catalogue::{Job, JobFilter, JobId, JobStatus, Schedule, ScheduleId, Timestamp};
use serde_json::Value;
use tokio::time::sleep;

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::every::Every;
use crate::operation::Operation;
use crate::problem::Problem;

/// Why there is nothing to show or to do.
#[derive(Debug, thiserror::Error)]
enum NoJob {
    #[error("no job has the number {0}: `ays job list` shows all")]
    Unknown(JobId),
    #[error("job {0} is {1} already")]
    Over(JobId, &'static str),
    #[error("job {0} is not over: nothing is done twice at once")]
    NotOver(JobId),
    #[error("no schedule has the number {0}: `ays schedule list` shows all")]
    NoSchedule(ScheduleId),
}

impl From<NoJob> for Error {
    fn from(error: NoJob) -> Self {
        let kind = match error {
            NoJob::Unknown(_) | NoJob::NoSchedule(_) => Kind::Unknown,
            NoJob::Over(..) | NoJob::NotOver(_) => Kind::Usage,
        };
        Self::new(kind, error)
    }
}

/// Asks for an operation: the next worker that is free does it.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn add_job(controller: Controller, operation: Operation) -> Result<JobId, Error> {
    let (kind, operation) = (operation.kind(), as_json(&operation)?);
    let catalogue = &controller.catalogue;
    Ok(catalogue.add_job(kind, &operation, &controller.actor.0, &Timestamp::now()).await?)
}

/// The jobs that agree with the filter, the newest first.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn jobs(controller: Controller, filter: JobFilter) -> Result<Vec<Job>, Error> {
    Ok(controller.catalogue.jobs(&filter).await?)
}

/// A job by its number.
///
/// # Errors
///
/// There is none.
pub async fn job(controller: Controller, id: JobId) -> Result<Job, Error> {
    controller.catalogue.job(id).await?.ok_or_else(|| NoJob::Unknown(id).into())
}

/// Wants a job to end. One that a worker is at ends soon; what it has done stays.
///
/// # Errors
///
/// There is no such job, or it is over.
pub async fn cancel_job(controller: Controller, id: JobId) -> Result<Job, Error> {
    let before = job(controller.clone(), id).await?;
    if let Some(word) = over(before.status) {
        return Err(NoJob::Over(id, word).into());
    }
    controller.catalogue.cancel_job(id, &controller.actor.0, &Timestamp::now()).await?;
    job(controller, id).await
}

/// Asks for the operation of a job that is over once more, as a new job.
///
/// # Errors
///
/// There is no such job, or it is not over.
pub async fn retry_job(controller: Controller, id: JobId) -> Result<JobId, Error> {
    let before = job(controller.clone(), id).await?;
    if !before.status.is_over() {
        return Err(NoJob::NotOver(id).into());
    }
    let (catalogue, actor, now) = (&controller.catalogue, &controller.actor.0, Timestamp::now());
    Ok(catalogue.add_job(&before.kind, &before.operation, actor, &now).await?)
}

/// How often somebody who follows a job looks what is new.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How many events are read at once.
const EVENTS: u32 = 500;

/// Tells what happens in a job until it is over; the job as it is then.
///
/// # Errors
///
/// There is no such job.
pub async fn follow_job(controller: Controller, id: JobId, tell: Tell) -> Result<Job, Error> {
    let mut last = 0;
    loop {
        // Before its events: what it told before it was over is there then.
        let job = job(controller.clone(), id).await?;
        let events = controller.catalogue.job_events(id, last, EVENTS).await?;
        let is_all = events.is_empty();
        for (number, record) in events {
            last = number;
            // What a newer version tells is not for this one.
            if let Ok(record) = serde_json::from_value(record) {
                tell(record);
            }
        }
        if is_all && job.status.is_over() {
            return Ok(job);
        }
        if is_all {
            sleep(LOOK_EVERY).await;
        }
    }
}

/// What a job that is over came to, well or not.
///
/// # Errors
///
/// What it ended with, where it came to nothing.
pub fn ended(job: Job) -> Result<Value, Error> {
    match (job.report, job.problem) {
        (Some(report), _) => Ok(report),
        (None, Some(problem)) => Err(match serde_json::from_value::<Problem>(problem) {
            Ok(problem) => problem.into(),
            Err(error) => Error::new(Kind::Failed, error),
        }),
        (None, None) => Err(Error::interrupted()),
    }
}

fn over(status: JobStatus) -> Option<&'static str> {
    match status {
        JobStatus::Queued | JobStatus::Running => None,
        JobStatus::Succeeded => Some("done"),
        JobStatus::Failed => Some("over: it failed"),
        JobStatus::Cancelled => Some("cancelled"),
    }
}

/// Asks for an operation again and again.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn add_schedule(
    controller: Controller,
    every: Every,
    operation: Operation,
) -> Result<Schedule, Error> {
    let now = jiff::Timestamp::now();
    let (operation, next) = (as_json(&operation)?, every.next(now).into());
    let (catalogue, actor) = (&controller.catalogue, &controller.actor.0);
    let id = catalogue.add_schedule(&every.to_string(), &operation, actor, &next, &now.into()).await?;
    let known = schedules(controller.clone()).await?.into_iter().find(|schedule| schedule.id == id);
    known.ok_or_else(|| NoJob::NoSchedule(id).into())
}

/// All schedules.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn schedules(controller: Controller) -> Result<Vec<Schedule>, Error> {
    Ok(controller.catalogue.schedules().await?)
}

/// Forgets a schedule; its jobs stay.
///
/// # Errors
///
/// There is none of this number.
pub async fn remove_schedule(controller: Controller, id: ScheduleId) -> Result<(), Error> {
    if controller.catalogue.remove_schedule(id).await? { Ok(()) } else { Err(NoJob::NoSchedule(id).into()) }
}

fn as_json(operation: &Operation) -> Result<Value, Error> {
    // Only what may not be kept cannot be written down.
    serde_json::to_value(operation).map_err(|error| Error::new(Kind::Usage, error))
}
