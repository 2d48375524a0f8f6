//! `ays job cancel`

use std::path::Path;

use ays_catalogue::{JobId, JobStatus};

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Ends a job: what it has done stays, and doing it again goes on from there
#[derive(clap::Args)]
pub struct Args {
    /// Its number
    job: i64,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let job = Site::find(repo)?.cancel_job(JobId(args.job)).await?;
    let said = match job.status {
        JobStatus::Cancelled => "is cancelled: no worker had it",
        _ => "ends soon: its worker stops what is under way",
    };
    table::line(&format!("job {} {said}", job.id))
}
