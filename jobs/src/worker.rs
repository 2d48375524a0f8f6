//! A worker: it takes jobs from the queue, does them, and lets others have those of workers that are gone.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ays_catalogue::{
    Account, Catalogue, CatalogueError, Job, JobEnd, JobFilter, JobId, JobStatus, Process, Role, Timestamp,
};
use ays_engine::{Stop, Stopper};
use ays_operations::{Actor, Every, Kind, Operation, Outcome, Problem, Tell, Uploads};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::queue::{Queue, QueueError, Task};
use crate::record::Recorder;
use crate::site::Site;
use crate::webhook::Teller;

/// How often a worker looks after the others, cancelled jobs, new ones and schedules.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// So long after a worker was found gone, others take its jobs: one that lost only its connection to the database has noticed
/// by then, and is stopping. Until its nodes have stopped too, the locks on their files keep the two apart.
const GRACE: Duration = Duration::from_millis(600);

/// For so long the database may fail before a worker gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long what is under way may take to end: less than after which a silent worker counts as gone.
const ENDING: Duration = Duration::from_secs(15);

/// A job whose workers were killed so often is begun no more: it may be what kills them.
const MOST_ATTEMPTS: u32 = 5;

/// How often old jobs are looked for, and how many are forgotten at once.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const FORGOTTEN_AT_ONCE: u32 = 100;

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

/// What a worker says of its jobs: one begins, or has ended.
#[derive(Debug, Clone, Serialize)]
pub struct JobNote {
    /// When.
    pub time: Timestamp,
    /// Which.
    pub job: JobId,
    /// Its operation's kind.
    pub kind: String,
    /// Where it is now.
    pub status: JobStatus,
    /// Why it did not go well.
    pub problem: Option<String>,
}

/// Whoever is told of a worker's jobs.
pub type Log = Arc<dyn Fn(&JobNote) + Send + Sync>;

/// Does jobs, some at once.
pub struct Worker {
    catalogue: Catalogue,
    queue: Queue,
    site: Arc<dyn Site>,
    parallel: NonZeroUsize,
    log: Log,
    teller: Teller,
}

/// Why a job came to nothing, whatever its operation.
#[derive(Debug, thiserror::Error)]
enum NoJob {
    #[error("what was asked for cannot be read by this version")]
    Unreadable(#[source] serde_json::Error),
    #[error("{MOST_ATTEMPTS} workers ended while they did it")]
    KillsWorkers,
    #[error("this program has a mistake: it broke off")]
    Panicked,
}

impl Worker {
    /// A worker that does up to `parallel` jobs of `queue` at once.
    ///
    /// # Errors
    ///
    /// This machine has no certificates by which others could be known.
    pub fn new(
        catalogue: Catalogue,
        queue: Queue,
        site: Arc<dyn Site>,
        parallel: NonZeroUsize,
        log: Log,
    ) -> Result<Self, WorkerError> {
        let teller = Teller::new(catalogue.clone(), Arc::clone(&site)).map_err(WorkerError::Http)?;
        Ok(Self { catalogue, queue, site, parallel, log, teller })
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
            log: Arc::clone(&self.log),
            state: Arc::default(),
        };
        let doing = at_work.clone();
        let work = move |task: Task| {
            let at_work = doing.clone();
            async move { at_work.job(task).await }
        };
        let ended = tokio::select! {
            ended = self.queue.run(&name, self.parallel.get(), work) => ended.map_err(WorkerError::from),
            ended = self.patiently(async |pushed| self.look_after(&at_work, pushed).await) => ended,
            ended = self.patiently(async |_| Ok(self.teller.tell_all().await?)) => ended,
            () = self.forget_old() => Ok(()),
            () = process.lost() => Err(WorkerError::Lost),
            () = stop.after_steps() => Ok(()),
        };
        at_work.end_all().await;
        if ended.is_ok() {
            self.queue.give_back(&name).await?;
        }
        // Others may have its jobs from here on.
        drop::<Process>(process);
        ended
    }

    /// Does something again and again. A database that is away for a moment is no reason to end jobs.
    async fn patiently(
        &self,
        mut what: impl AsyncFnMut(&mut Seen) -> Result<(), WorkerError>,
    ) -> Result<(), WorkerError> {
        let (mut seen, mut well) = (Seen::default(), Instant::now());
        loop {
            match what(&mut seen).await {
                Ok(()) => well = Instant::now(),
                Err(error) if is_moved(&error) || well.elapsed() > PATIENCE => return Err(error),
                Err(_) => {}
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Forgets what is too old to be of use, every hour. What goes wrong then is tried again an hour later.
    async fn forget_old(&self) {
        loop {
            let _ = self.forget_once().await;
            sleep(FORGET_EVERY).await;
        }
    }

    async fn forget_once(&self) -> Result<(), WorkerError> {
        let actor = Actor("worker".to_owned());
        let Ok((controller, _)) = self.site.controller(self.catalogue.clone(), actor).await else {
            return Ok(());
        };
        let keep = controller.environment.settings.jobs.keep;
        let before: Timestamp =
            jiff::Timestamp::now().saturating_sub(keep).unwrap_or(jiff::Timestamp::MIN).into();
        while self.catalogue.remove_jobs(&before, FORGOTTEN_AT_ONCE).await? == u64::from(FORGOTTEN_AT_ONCE) {}
        self.catalogue.remove_tokens(&before).await?;
        // The directory may be a server's: what cannot be forgotten there is tried again.
        let _ = Uploads::of(&controller).forget_old().await;
        Ok(self.queue.forget_done().await?)
    }

    async fn look_after(&self, at_work: &AtWork, seen: &mut Seen) -> Result<(), WorkerError> {
        self.fill(&mut seen.pushed).await?;
        self.bury(&at_work.name, &mut seen.gone_since).await?;
        at_work.heed_cancelled().await?;
        self.run_schedules().await
    }

    /// Puts jobs into the queue that are not in it: new ones, and all of a catalogue that was moved.
    async fn fill(&self, pushed: &mut HashSet<JobId>) -> Result<(), WorkerError> {
        for status in [JobStatus::Queued, JobStatus::Running] {
            let filter = JobFilter { status: Some(status), ..JobFilter::default() };
            let mut jobs = self.catalogue.jobs(&filter).await?;
            jobs.reverse();
            for job in jobs.iter().filter(|job| !pushed.contains(&job.id)) {
                self.queue.push(&Task::of(job)).await?;
            }
            pushed.extend(jobs.iter().map(|job| job.id));
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
        let mut due = self.catalogue.schedules().await?;
        due.retain(|schedule| schedule.next_at <= now);
        if due.is_empty() {
            return Ok(());
        }
        let accounts = self.catalogue.accounts().await?;
        for schedule in due {
            // A user of the server who may only look by now asks for nothing.
            let may_only_look = |user: &Account| user.name == schedule.actor && user.role < Role::Operator;
            if accounts.iter().any(may_only_look) {
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

/// What a worker has seen of others.
#[derive(Default)]
struct Seen {
    /// The jobs that are in the queue, or were.
    pushed: HashSet<JobId>,
    gone_since: HashMap<String, Instant>,
}

fn is_moved(error: &WorkerError) -> bool {
    matches!(error, WorkerError::Catalogue(CatalogueError::Moved { .. }))
}

/// The jobs that a worker is at.
#[derive(Clone)]
struct AtWork {
    name: String,
    catalogue: Catalogue,
    site: Arc<dyn Site>,
    log: Log,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    running: HashMap<JobId, Stopper>,
    /// The worker ends: what is under way is given back, and nothing begins.
    is_ending: bool,
}

/// A job that is under way; dropped, it is not.
struct Running<'a>(&'a AtWork, JobId);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().running.remove(&self.1);
    }
}

impl AtWork {
    /// Does a job to its end. What goes wrong with its record is tried again until it goes well: somebody waits for it.
    async fn job(&self, task: Task) {
        let id = task.id;
        let (stopper, stop) = Stopper::new();
        {
            let mut state = self.lock();
            // The same job twice in the queue of a catalogue that was restored.
            if state.is_ending || state.running.contains_key(&id) {
                return;
            }
            state.running.insert(id, stopper);
        }
        let _running = Running(self, id);
        let Some(Some(job)) = self.until_it_works(|| self.begin(&task)).await else { return };
        let kind = job.kind.clone();
        self.note(id, &kind, JobStatus::Running, None);
        let (recorder, events) = Recorder::begin(self.catalogue.clone(), id);
        let tell: Tell = Arc::new(move |record| _ = events.send(record));
        let (at_work, stopped) = (self.clone(), stop.clone());
        // Of its own, so that a mistake in it ends this job, and nothing else.
        let performing = tokio::spawn(async move { at_work.perform(&job, stopped, tell).await });
        let ended = performing.await.unwrap_or_else(|_| Err(Problem::of(Kind::Failed, &NoJob::Panicked)));
        recorder.end().await;
        // What was stopped may have come to something, and is done again from there.
        let is_done = ended.as_ref().is_ok_and(|outcome| outcome.problem.is_none());
        if self.lock().is_ending && !is_done {
            let _ = self.catalogue.hand_back_job(id, &self.name).await;
            self.note(id, &kind, JobStatus::Queued, None);
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
        self.note(id, &kind, status, problem.as_ref());
        let problem = problem.map(|problem| serde_json::to_value(problem).unwrap_or_default());
        let (end, now) = (JobEnd { status, report, problem }, Timestamp::now());
        self.until_it_works(|| self.catalogue.end_job(id, &self.name, &end, &now)).await;
    }

    fn note(&self, job: JobId, kind: &str, status: JobStatus, problem: Option<&Problem>) {
        let (time, problem) = (Timestamp::now(), problem.map(Problem::in_one_line));
        (self.log)(&JobNote { time, job, kind: kind.to_owned(), status, problem });
    }

    /// The queue may be of a catalogue of before, in which the number was another job's: that is none.
    async fn begin(&self, task: &Task) -> Result<Option<Job>, CatalogueError> {
        match self.catalogue.job(task.id).await? {
            Some(job) if task.is_of(&job) => {
                self.catalogue.begin_job(task.id, &self.name, &Timestamp::now()).await
            }
            _ => Ok(None),
        }
    }

    async fn perform(&self, job: &Job, stop: Stop, tell: Tell) -> Result<Outcome, Problem> {
        if job.attempts > MOST_ATTEMPTS {
            return Err(Problem::of(Kind::Failed, &NoJob::KillsWorkers));
        }
        let operation: Operation = serde_json::from_value(job.operation.clone())
            .map_err(|error| Problem::of(Kind::Usage, &NoJob::Unreadable(error)))?;
        let performed = async {
            let actor = Actor(job.actor.clone());
            let (controller, ssh) = self.site.controller(self.catalogue.clone(), actor).await?;
            operation.run(controller, ssh, stop, tell).await
        };
        performed.await.map_err(|error| Problem::from(&error))
    }

    async fn heed_cancelled(&self) -> Result<(), CatalogueError> {
        let running: Vec<JobId> = self.lock().running.keys().copied().collect();
        if running.is_empty() {
            return Ok(());
        }
        for id in self.catalogue.cancelled_jobs(&running).await? {
            if let Some(stopper) = self.lock().running.get(&id) {
                stopper.now();
            }
        }
        Ok(())
    }

    /// Ends what is under way, and waits until it has ended, but not for ever.
    async fn end_all(&self) {
        {
            let mut state = self.lock();
            state.is_ending = true;
            state.running.values().for_each(Stopper::now);
        }
        let ended = async {
            while !self.lock().running.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = timeout(ENDING, ended).await;
    }

    /// Tries again while the database fails; none: the worker ends, or the catalogue is elsewhere.
    async fn until_it_works<T, F: Future<Output = Result<T, CatalogueError>>>(
        &self,
        what: impl Fn() -> F,
    ) -> Option<T> {
        loop {
            match what().await {
                Ok(done) => return Some(done),
                Err(CatalogueError::Moved { .. }) => return None,
                Err(_) if self.lock().is_ending => return None,
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
