//! `ays schedule remove`

use std::path::Path;

use ays_catalogue::ScheduleId;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Forgets a schedule; its jobs stay
#[derive(clap::Args)]
pub struct Args {
    /// Its number
    schedule: i64,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    Site::find(repo)?.remove_schedule(ScheduleId(args.schedule)).await?;
    table::line(&format!("schedule {} is removed", args.schedule))
}
