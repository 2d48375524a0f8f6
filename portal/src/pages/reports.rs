//! What the last jobs of a kind have found.

use ays_catalogue::{JobFilter, JobId, Timestamp};
use ays_operations::{self as operations, Controller};
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// So many of the last jobs are looked through.
const JOBS: u32 = 100;

/// What each of the last jobs of a kind has found, the newest first: with the job, and when it ended.
pub(super) async fn reports<T: DeserializeOwned>(
    controller: &Controller,
    kind: &str,
) -> Result<Vec<(T, JobId, Timestamp)>, Failure> {
    let filter = JobFilter { kind: Some(kind.to_owned()), limit: Some(JOBS), ..JobFilter::default() };
    let jobs = operations::jobs(controller.clone(), filter).await?;
    let ended = jobs.into_iter().filter_map(|job| {
        // What another version wrote is not for this one.
        Some((serde_json::from_value::<Vec<T>>(job.report?).ok()?, job.id, job.ended_at?))
    });
    let found = ended.flat_map(|(found, job, at)| found.into_iter().map(move |one| (one, job, at.clone())));
    Ok(found.collect())
}
