//! `ays schedule list`

use std::path::Path;

use ays_catalogue::{JobId, Schedule};

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists the schedules
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let schedules = Site::find(repo)?.schedules().await?;
    if args.json {
        return table::json(&schedules);
    }
    if schedules.is_empty() {
        return table::line("nothing is scheduled: ays schedule add 'daily 03:00' scrub");
    }
    table::print(
        &["SCHEDULE", "WHEN (UTC)", "WHAT", "NEXT (UTC)", "LAST JOB", "BY"],
        schedules.iter().map(row),
    )
}

fn row(schedule: &Schedule) -> Vec<String> {
    vec![
        schedule.id.to_string(),
        schedule.every.clone(),
        schedule.operation["kind"].as_str().unwrap_or_default().to_owned(),
        schedule.next_at.to_the_second(),
        schedule.last_job.as_ref().map(JobId::to_string).unwrap_or_default(),
        schedule.actor.clone(),
    ]
}
