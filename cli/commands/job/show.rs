//! `ays job show`

use std::path::Path;

use ays_catalogue::{Job, JobId, Timestamp};
use ays_operations::Problem;

use super::list::about;
use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Shows a job: what was asked for, by whom, and what became of it
#[derive(clap::Args)]
pub struct Args {
    /// Its number
    job: i64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let job = Site::find(repo)?.job(JobId(args.job)).await?;
    if args.json {
        return table::json(&job);
    }
    let Job { id, kind, operation, status, actor, worker, attempts, cancelled_by, .. } = &job;
    table::line(&format!("job {id}: {kind} {}: {}", about(&job), table::word(status)))?;
    table::line(&format!("  asked for by  {actor}, {}", job.created_at.to_the_second()))?;
    let time = |at: &Option<Timestamp>| at.as_ref().map_or("not yet".to_owned(), Timestamp::to_the_second);
    table::line(&format!("  begun         {}", time(&job.started_at)))?;
    table::line(&format!("  ended         {}", time(&job.ended_at)))?;
    if let Some(worker) = worker {
        let times = if *attempts == 1 { String::new() } else { format!(", attempt {attempts}") };
        table::line(&format!("  worker        {worker}{times}"))?;
    }
    if let Some(by) = cancelled_by {
        table::line(&format!("  cancelled by  {by}"))?;
    }
    table::line(&format!("  operation     {operation}"))?;
    if let Some(Ok(problem)) = job.problem.clone().map(serde_json::from_value::<Problem>) {
        table::line(&format!("  problem       {}", problem.in_one_line()))?;
    }
    Ok(())
}
