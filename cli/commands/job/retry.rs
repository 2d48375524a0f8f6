//! `ays job retry`

use std::path::Path;

use ays_catalogue::JobId;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Asks for a job that is over once more
#[derive(clap::Args)]
pub struct Args {
    /// Its number
    job: i64,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let id = Site::find(repo)?.retry_job(JobId(args.job)).await?;
    table::line(&format!("job {id} is queued; `ays job follow {id}` shows it"))
}
