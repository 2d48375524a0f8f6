//! `ays worker`

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ays_catalogue::Catalogue;
use ays_engine::Stop;
use ays_jobs::{JobNote, Queue, Site, Worker, WorkerError};
use ays_operations::{Actor, Controller, Error, Kind};
use ays_transport::SshSettings;
use tokio::time::sleep;

use crate::context;
use crate::failure::{Failure, eprint_line};
use crate::render::table;
use crate::signals::stop_at_once;

/// Does the jobs that others ask for, until it is stopped
///
/// Any number of workers may run, on this machine or, with a catalogue in PostgreSQL, on many. When one is killed, another goes on
/// with its jobs. Ctrl-C or SIGTERM ends what is under way and gives it back.
#[derive(clap::Args)]
pub struct Args {
    /// How many jobs it does at once
    #[arg(long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    eprint_line("waiting for jobs; Ctrl-C ends");
    work(repo, args.jobs, stop_at_once()).await
}

/// Works until it is stopped. A database that is away for a while is waited for.
pub async fn work(repo: Option<&Path>, parallel: NonZeroUsize, stop: Stop) -> Result<(), Failure> {
    // What is wrong with the environment or the catalogue's settings ends it at once.
    context::controller_of(repo).await?;
    let site = Arc::new(EnvironmentClone { repo: repo.map(Path::to_owned) });
    loop {
        let ended = begin(repo, parallel, Arc::clone(&site), stop.clone()).await;
        if stop.is_wanted() {
            return Ok(());
        }
        if let Err(error) = ended {
            eprint_line(&format!("warning: {}; trying again", ays_model::causes(&error)));
        }
        tokio::select! {
            () = sleep(Duration::from_secs(1)) => {}
            () = stop.after_steps() => return Ok(()),
        }
    }
}

async fn begin(
    repo: Option<&Path>,
    parallel: NonZeroUsize,
    site: Arc<EnvironmentClone>,
    stop: Stop,
) -> Result<(), Failure> {
    let controller = context::controller_of(repo).await?;
    let (place, key) = context::place_of_catalogue(&controller.environment)?;
    let queue = Queue::open(&place, &key.name).await.map_err(failed)?;
    let worker = Worker::new(controller.catalogue, queue, site, parallel, Arc::new(say)).map_err(failed)?;
    worker.run(stop).await.map_err(failed)
}

fn failed(error: impl Into<WorkerError>) -> Failure {
    Error::new(Kind::Failed, error.into()).into()
}

/// For people on a terminal, else for programs.
fn say(note: &JobNote) {
    let JobNote { job, kind, status, problem, .. } = note;
    if std::io::stderr().is_terminal() {
        let problem = problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
        eprint_line(&format!("job {job}: {kind}: {}{problem}", table::word(status)));
    } else if let Ok(line) = serde_json::to_string(note) {
        eprint_line(&line);
    }
}

/// A clone of the environment, read anew for each job.
pub struct EnvironmentClone {
    pub repo: Option<PathBuf>,
}

#[async_trait]
impl Site for EnvironmentClone {
    async fn controller(
        &self,
        catalogue: Catalogue,
        actor: Actor,
    ) -> Result<(Controller, SshSettings), Error> {
        let repo = self.repo.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let environment = Arc::new(context::environment(repo.as_deref())?);
            let ssh = context::ssh_unattended(&environment)?;
            Ok((context::controller_with(environment, catalogue, actor)?, ssh))
        });
        reading.await.map_err(|error| Error::new(Kind::Failed, error))?.map_err(as_error)
    }
}

fn as_error(failure: Failure) -> Error {
    match failure {
        Failure::Operation(error) => *error,
        failure => Error::new(failure.kind(), failure),
    }
}
