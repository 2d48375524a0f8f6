//! `ays job follow`

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ays_catalogue::JobId;
use ays_operations::{Error, Kind, Problem, Tell};

use crate::failure::Failure;
use crate::render::events::{Renderer, Style};
use crate::render::table;
use crate::site::Site;

/// Shows what happens in a job until it is over, and ends as it ended
///
/// What happened before is shown first. Ctrl-C ends the showing; the job goes on.
#[derive(clap::Args)]
pub struct Args {
    /// Its number
    job: i64,
    /// Print JSON, one object a line: events, then what it came to
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    follow(&Site::find(repo)?, JobId(args.job), args.json).await
}

/// Shows a job to its end.
pub async fn follow(site: &Site, id: JobId, json: bool) -> Result<(), Failure> {
    let renderer = Mutex::new(Renderer::new(if json { Style::Json } else { Style::Steps }));
    let tell: Tell =
        Arc::new(move |record| renderer.lock().unwrap_or_else(PoisonError::into_inner).show(&record));
    let job = site.follow(id, &tell).await?;
    if json {
        job.report.iter().try_for_each(table::json_line)?;
    }
    match job.problem.map(serde_json::from_value::<Problem>) {
        Some(Ok(problem)) => Err(Error::from(problem).into()),
        Some(Err(error)) => Err(Error::new(Kind::Failed, error).into()),
        None if json => Ok(()),
        None => table::line(&format!("job {id} is done")),
    }
}
