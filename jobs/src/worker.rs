//! A worker: it takes jobs from the queue, does them, and lets others have those of workers that are gone.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ays_catalogue::{
    Catalogue, CatalogueError, Job, JobEnd, JobFilter, JobId, JobStatus, Process, Timestamp,
};
use ays_engine::{Stop, Stopper};
use ays_operations::{Actor, Controller, Error, Every, Kind, Operation, Outcome, Problem, Tell};
use ays_transport::SshSettings;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::queue::{Queue, QueueError};
use crate::record::Recorder;

/// How often a worker looks after the others, cancelled jobs, new ones and schedules.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A worker that was found gone may have noticed by then that it lost its connection, and have stopped.
const GRACE: Duration = Duration::from_millis(600);

/// A job whose workers were killed so often is begun no more: it may be what kills them.
const MOST_ATTEMPTS: u32 = 5;

/// Where a worker's jobs are done.
#[async_trait]
pub trait Site: Send + Sync {
    /// What an operation has at hand: the environment as it is now, and the worker's catalogue, so that its locks are the
    /// worker's.
    async fn controller(
        &self,
        catalogue: Catalogue,
        actor: Actor,
    ) -> Result<(Controller, SshSettings), Error>;
}

/// Why a worker ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Nobody could be told of changes.
    #[error("webhooks cannot be reached")]
    Http(#[source] reqwest::Error),
    /// It may count as gone.
    #[error("the database was not reached for too long: other workers go on with what this one did")]
    Lost,
}

/// Does jobs, some at once.
pub struct Worker {
    /// What is known of jobs.
    pub catalogue: Catalogue,
    /// Which worker has which.
    pub queue: Queue,
    /// Where they are done.
    pub site: Arc<dyn Site>,
    /// How many at once.
    pub parallel: NonZeroUsize,
    /// How webhooks are reached.
    pub(crate) http: reqwest::Client,
}

/// A job that was asked for wrongly, or that kills its workers.
#[derive(Debug, thiserror::Error)]
enum NoJob {
    #[error("what was asked for cannot be read by this version")]
    Unreadable(#[source] serde_json::Error),
    #[error("{MOST_ATTEMPTS} workers ended while they did it")]
    KillsWorkers,
}

impl Worker {
    /// A worker.
    ///
    /// # Errors
    ///
    /// This machine has no certificates by which others could be known.
    pub fn new(
        catalogue: Catalogue,
        queue: Queue,
        site: Arc<dyn Site>,
        parallel: NonZeroUsize,
    ) -> Result<Self, WorkerError> {
        let http = crate::webhook::client().map_err(WorkerError::Http)?;
        Ok(Self { catalogue, queue, site, parallel, http })
    }

    /// Works until it is stopped; what is under way then is ended and given back, for another worker to go on.
    ///
    /// # Errors
    ///
    /// The catalogue or the queue failed.
    pub async fn run(self, stop: Stop) -> Result<(), WorkerError> {
        let name = format!("{}-{}", std::process::id(), Uuid::new_v4().simple());
        let process = self.catalogue.enter(&name).await?;
        let at_work = AtWork {
            name: name.clone(),
            catalogue: self.catalogue.clone(),
            site: Arc::clone(&self.site),
            running: Arc::default(),
        };
        let (done, doing) = (at_work.clone(), at_work.clone());
        let work = move |id: JobId| {
            let at_work = doing.clone();
            async move { at_work.job(id).await }
        };
        let ended = tokio::select! {
            ended = self.queue.run(&name, self.parallel.get(), work) => ended.map_err(WorkerError::from),
            ended = self.look_after(&at_work) => ended,
            ended = self.tell_all() => ended,
            () = process.lost() => Err(WorkerError::Lost),
            () = stop.after_steps() => Ok(()),
        };
        done.end_all().await;
        // Whoever holds them still must not be taken for dead while it ends.
        if ended.is_ok() {
            self.queue.give_back(&name).await?;
        }
        drop::<Process>(process);
        ended
    }

    /// Tells webhooks, beside all else: one that does not answer holds nothing up.
    async fn tell_all(&self) -> Result<(), WorkerError> {
        loop {
            self.tell_webhooks().await?;
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look_after(&self, at_work: &AtWork) -> Result<(), WorkerError> {
        let mut pushed = HashSet::new();
        let mut gone_since = HashMap::new();
        loop {
            self.fill(&mut pushed).await?;
            self.bury(&at_work.name, &mut gone_since).await?;
            at_work.heed_cancelled().await?;
            self.run_schedules().await?;
            sleep(LOOK_EVERY).await;
        }
    }

    /// Puts jobs into the queue that are not in it: new ones, and all of a catalogue that was moved.
    async fn fill(&self, pushed: &mut HashSet<JobId>) -> Result<(), WorkerError> {
        for status in [JobStatus::Queued, JobStatus::Running] {
            let filter = JobFilter { status: Some(status), ..JobFilter::default() };
            let mut jobs = self.catalogue.jobs(&filter).await?;
            jobs.reverse();
            for job in jobs {
                if pushed.insert(job.id) {
                    self.queue.push(job.id).await?;
                }
            }
        }
        Ok(())
    }

    /// Lets others have the jobs of workers that are gone.
    async fn bury(&self, own: &str, gone_since: &mut HashMap<String, Instant>) -> Result<(), WorkerError> {
        let mut others = self.queue.workers().await?;
        others.retain(|name| name != own);
        let gone = self.catalogue.gone(&others).await?;
        gone_since.retain(|name, _| gone.contains(name));
        for name in gone {
            let since = *gone_since.entry(name.clone()).or_insert_with(Instant::now);
            if since.elapsed() >= GRACE {
                self.catalogue.give_back_locks_of(&name).await?;
                self.queue.give_back(&name).await?;
            }
        }
        Ok(())
    }

    async fn run_schedules(&self) -> Result<(), WorkerError> {
        let now = Timestamp::now();
        for schedule in self.catalogue.schedules().await? {
            if schedule.next_at > now {
                continue;
            }
            // It was read when it was added.
            let Ok(every) = schedule.every.parse::<Every>() else { continue };
            let kind = schedule.operation["kind"].as_str().unwrap_or_default();
            let next = every.next(jiff::Timestamp::now()).into();
            self.catalogue.run_schedule(&schedule, kind, &next, &now).await?;
        }
        Ok(())
    }
}

/// The jobs that a worker is at.
#[derive(Clone)]
struct AtWork {
    name: String,
    catalogue: Catalogue,
    site: Arc<dyn Site>,
    running: Arc<Mutex<HashMap<JobId, Running>>>,
}

struct Running {
    stopper: Stopper,
    /// Whether the worker ends: the job is given back.
    is_given_back: bool,
}

impl AtWork {
    /// Does a job to its end. What goes wrong with its record is tried again until it goes well: somebody waits for it.
    async fn job(&self, id: JobId) {
        let begun = self.until_it_works(|| self.catalogue_begin(id)).await;
        let Some(job) = begun else { return };
        let (stopper, stop) = Stopper::new();
        self.lock().insert(id, Running { stopper, is_given_back: false });
        let (recorder, events) = Recorder::begin(self.catalogue.clone(), id);
        let tell: Tell = Arc::new(move |record| _ = events.send(record));
        let ended = self.perform(&job, stop.clone(), tell).await;
        recorder.end().await;
        let is_given_back = self.lock().get(&id).is_some_and(|running| running.is_given_back);
        // What was stopped may have come to something, and is done again from there.
        let is_done = ended.as_ref().is_ok_and(|outcome| outcome.problem.is_none());
        if is_given_back && !is_done {
            let _ = self.catalogue.hand_back_job(id, &self.name).await;
            self.lock().remove(&id);
            return;
        }
        let (report, problem) = match ended {
            Ok(Outcome { report, problem }) => (Some(report), problem),
            Err(problem) => (None, Some(problem)),
        };
        let status = match &problem {
            None => JobStatus::Succeeded,
            Some(_) if stop.is_wanted() => JobStatus::Cancelled,
            Some(_) => JobStatus::Failed,
        };
        let end = JobEnd { status, report, problem: problem.as_ref().map(as_json) };
        let now = Timestamp::now();
        self.until_it_works(|| self.catalogue.end_job(id, &self.name, &end, &now)).await;
        self.lock().remove(&id);
    }

    async fn catalogue_begin(&self, id: JobId) -> Result<Option<Job>, CatalogueError> {
        self.catalogue.begin_job(id, &self.name, &Timestamp::now()).await
    }

    async fn perform(&self, job: &Job, stop: Stop, tell: Tell) -> Result<Outcome, Problem> {
        if job.attempts > MOST_ATTEMPTS {
            return Err(Problem::of(Kind::Failed, &NoJob::KillsWorkers));
        }
        let operation: Operation = serde_json::from_value(job.operation.clone())
            .map_err(|error| Problem::of(Kind::Usage, &NoJob::Unreadable(error)))?;
        let performed = async {
            let (controller, ssh) =
                self.site.controller(self.catalogue.clone(), Actor(job.actor.clone())).await?;
            operation.run(controller, ssh, stop, tell).await
        };
        performed.await.map_err(|error| Problem::from(&error))
    }

    async fn heed_cancelled(&self) -> Result<(), CatalogueError> {
        let running: Vec<JobId> = self.lock().keys().copied().collect();
        if running.is_empty() {
            return Ok(());
        }
        for id in self.catalogue.cancelled_jobs(&running).await? {
            if let Some(running) = self.lock().get(&id) {
                running.stopper.now();
            }
        }
        Ok(())
    }

    /// Ends what is under way, and waits until it has ended.
    async fn end_all(&self) {
        for running in self.lock().values_mut() {
            running.is_given_back = true;
            running.stopper.now();
        }
        while !self.lock().is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_it_works<T, F: Future<Output = Result<T, CatalogueError>>>(
        &self,
        what: impl Fn() -> F,
    ) -> T {
        loop {
            match what().await {
                Ok(done) => return done,
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn as_json(problem: &Problem) -> serde_json::Value {
    serde_json::to_value(problem).unwrap_or_default()
}
