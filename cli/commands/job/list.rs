//! `ays job list`

use std::path::Path;

use ays_catalogue::{Job, Timestamp};

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists jobs, the newest first
#[derive(clap::Args)]
pub struct Args {
    /// The most that are shown
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let jobs = Site::find(repo)?.jobs(args.limit).await?;
    if args.json {
        return table::json(&jobs);
    }
    if jobs.is_empty() {
        return table::line("no job was asked for yet: `ays install --detach` asks for one");
    }
    table::print(&["JOB", "KIND", "ABOUT", "STATE", "ASKED (UTC)", "ENDED (UTC)", "BY"], jobs.iter().map(row))
}

fn row(job: &Job) -> Vec<String> {
    vec![
        job.id.to_string(),
        job.kind.clone(),
        about(job),
        table::word(&job.status),
        job.created_at.to_the_second(),
        job.ended_at.as_ref().map(Timestamp::to_the_second).unwrap_or_default(),
        job.actor.clone(),
    ]
}

/// The image or template that a job is about.
pub fn about(job: &Job) -> String {
    let named = ["template", "image", "stack"].into_iter().find_map(|field| job.operation[field].as_str());
    named.unwrap_or_default().to_owned()
}
