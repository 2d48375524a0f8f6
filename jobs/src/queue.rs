//! The queue: which worker has which job.

use std::path::Path;
use std::time::Duration;

use apalis::layers::WorkerBuilderExt;
use apalis_core::backend::TaskSink;
use apalis_core::backend::ext::BackendExt;
use apalis_core::error::BoxDynError;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::ext::parallelize::ParallelizeExt;
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use ays_catalogue::{Job, JobId, Place, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

/// How often a worker looks for a job.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A worker whose machine cannot be reached any more is known by its silence alone: after 20 such beats.
const BEAT: Duration = Duration::from_secs(1);
const MOST_SILENT_BEATS: usize = 20;

/// The table in which apalis notes which of its own tables are there: the catalogue's are noted in another one.
const MIGRATIONS: &str = "apalis_migrations";

/// Why the queue does not work.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// It cannot be opened.
    #[error("the queue of jobs cannot be opened")]
    Open(#[source] BoxDynError),
    /// The database said no.
    #[error("the queue of jobs failed")]
    Database(#[source] BoxDynError),
}

impl From<sqlx::Error> for QueueError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What the queue holds of a job: its number, and when it was asked for, since a catalogue that was restored gives numbers
/// again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The job's number.
    pub id: JobId,
    /// When it was asked for.
    created_at: Timestamp,
}

impl Task {
    /// Of a job.
    pub fn of(job: &Job) -> Self {
        Self { id: job.id, created_at: job.created_at.clone() }
    }

    /// Whether it is of this job.
    pub fn is_of(&self, job: &Job) -> bool {
        *self == Self::of(job)
    }

    /// What tells it from all others.
    fn key(&self) -> String {
        format!("{} {}", self.id, self.created_at)
    }
}

/// The queue of an environment, beside its catalogue: in the same PostgreSQL database, or in a file next to an SQLite one.
#[derive(Debug, Clone)]
pub struct Queue {
    name: String,
    database: Database,
}

#[derive(Debug, Clone)]
enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Queue {
    /// Opens the queue of an environment; what is missing is made.
    ///
    /// # Errors
    ///
    /// The database cannot be opened, or has no right to make the tables.
    pub async fn open(place: &Place, environment: &str) -> Result<Self, QueueError> {
        let opening = async {
            Ok::<_, BoxDynError>(match place {
                Place::File(catalogue) => {
                    Database::Sqlite(open_file(&catalogue.with_extension("queue.db")).await?)
                }
                Place::Postgres(url) => {
                    let pool = PgPoolOptions::new().max_connections(4).connect_with(url.options()).await?;
                    let mut migrations = PostgresStorage::<()>::migrations();
                    migrations.dangerous_set_table_name(MIGRATIONS);
                    migrations.run(&pool).await?;
                    Database::Postgres(pool)
                }
            })
        };
        let database = opening.await.map_err(QueueError::Open)?;
        Ok(Self { name: format!("ays/{environment}"), database })
    }

    /// Puts a job in; one that is in already, or was, changes nothing.
    ///
    /// # Errors
    ///
    /// The database.
    pub async fn push(&self, task: &Task) -> Result<(), QueueError> {
        let key = task.key();
        if self.has(&key).await? {
            return Ok(());
        }
        let task = TaskBuilder::new(task.clone()).idempotency_key(&key).build();
        let pushed = match &self.database {
            Database::Sqlite(pool) => self.in_file(pool).push_task(task).await.map_err(BoxDynError::from),
            Database::Postgres(pool) => self.in_server(pool).push_task(task).await.map_err(BoxDynError::from),
        };
        match pushed {
            Ok(()) => Ok(()),
            // Another worker put it in meanwhile: PostgreSQL says so where SQLite says nothing.
            Err(error) => {
                if self.has(&key).await? {
                    Ok(())
                } else {
                    Err(QueueError::Database(error))
                }
            }
        }
    }

    async fn has(&self, key: &str) -> Result<bool, QueueError> {
        Ok(match &self.database {
            Database::Sqlite(pool) => {
                sqlx::query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM Jobs WHERE job_type = $1 AND idempotency_key = $2)",
                )
                .bind(&self.name)
                .bind(key)
                .fetch_one(pool)
                .await?
            }
            Database::Postgres(pool) => {
                sqlx::query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM apalis.jobs WHERE job_type = $1 AND idempotency_key = $2)",
                )
                .bind(&self.name)
                .bind(key)
                .fetch_one(pool)
                .await?
            }
        })
    }

    /// The workers that have a job.
    ///
    /// # Errors
    ///
    /// The database.
    pub async fn workers(&self) -> Result<Vec<String>, QueueError> {
        Ok(match &self.database {
            Database::Sqlite(pool) => {
                sqlx::query_scalar(
                    "SELECT DISTINCT lock_by FROM Jobs
                     WHERE job_type = $1 AND status IN ('Queued', 'Running') AND lock_by IS NOT NULL",
                )
                .bind(&self.name)
                .fetch_all(pool)
                .await?
            }
            Database::Postgres(pool) => {
                sqlx::query_scalar(
                    "SELECT DISTINCT lock_by FROM apalis.jobs
                     WHERE job_type = $1 AND status IN ('Queued', 'Running') AND lock_by IS NOT NULL",
                )
                .bind(&self.name)
                .fetch_all(pool)
                .await?
            }
        })
    }

    /// Lets other workers have the jobs of one that is gone, or that gives them back.
    ///
    /// # Errors
    ///
    /// The database.
    pub async fn give_back(&self, worker: &str) -> Result<(), QueueError> {
        match &self.database {
            Database::Sqlite(pool) => {
                sqlx::query(
                    "UPDATE Jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL, done_at = NULL
                     WHERE job_type = $1 AND lock_by = $2 AND status IN ('Queued', 'Running')",
                )
                .bind(&self.name)
                .bind(worker)
                .execute(pool)
                .await?;
            }
            Database::Postgres(pool) => {
                sqlx::query(
                    "UPDATE apalis.jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL, done_at = NULL
                     WHERE job_type = $1 AND lock_by = $2 AND status IN ('Queued', 'Running')",
                )
                .bind(&self.name)
                .bind(worker)
                .execute(pool)
                .await?;
            }
        }
        Ok(())
    }

    /// Forgets what was done more than a day ago, and the workers that did it.
    ///
    /// # Errors
    ///
    /// The database.
    pub async fn forget_done(&self) -> Result<(), QueueError> {
        match &self.database {
            Database::Sqlite(pool) => {
                sqlx::query(
                    "DELETE FROM Jobs
                     WHERE job_type = $1 AND status IN ('Done', 'Killed') AND done_at < strftime('%s', 'now') - 86400",
                )
                .bind(&self.name)
                .execute(pool)
                .await?;
                sqlx::query(
                    "DELETE FROM Workers
                     WHERE worker_type = $1 AND last_seen < strftime('%s', 'now') - 86400
                       AND NOT EXISTS (SELECT 1 FROM Jobs WHERE lock_by = Workers.id)",
                )
                .bind(&self.name)
                .execute(pool)
                .await?;
            }
            Database::Postgres(pool) => {
                sqlx::query(
                    "DELETE FROM apalis.jobs
                     WHERE job_type = $1 AND status IN ('Done', 'Killed') AND done_at < now() - interval '1 day'",
                )
                .bind(&self.name)
                .execute(pool)
                .await?;
                sqlx::query(
                    "DELETE FROM apalis.workers
                     WHERE worker_type = $1 AND last_seen < now() - interval '1 day'
                       AND NOT EXISTS (SELECT 1 FROM apalis.jobs WHERE lock_by = apalis.workers.id)",
                )
                .bind(&self.name)
                .execute(pool)
                .await?;
            }
        }
        Ok(())
    }

    /// Takes jobs, up to `most` at once, and hands each to `work`. It goes on until it is dropped, or the database fails.
    ///
    /// # Errors
    ///
    /// The database.
    pub async fn run<F, W>(&self, worker: &str, most: usize, work: F) -> Result<(), QueueError>
    where
        F: Fn(Task) -> W + Clone + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let task = move |task: Task| {
            let done = work(task);
            async move {
                done.await;
                Ok::<(), BoxDynError>(())
            }
        };
        let worker = WorkerBuilder::new(worker);
        let ended = match &self.database {
            Database::Sqlite(pool) => {
                let backend = self.in_file(pool).poll_with_interval(LOOK_EVERY);
                worker.backend(backend).concurrency(most).parallelize(tokio::spawn).build(task).run().await
            }
            Database::Postgres(pool) => {
                let backend = self.in_server(pool).poll_with_interval(LOOK_EVERY);
                worker.backend(backend).concurrency(most).parallelize(tokio::spawn).build(task).run().await
            }
        };
        ended.map_err(|error| QueueError::Database(error.into()))
    }

    fn in_file(&self, pool: &SqlitePool) -> SqliteStorage<Task> {
        let config = apalis_sqlite::Config::default()
            .queue(&self.name)
            // What one has fetched and not begun, no other can begin.
            .batch_size(1)
            .heartbeat_interval(BEAT)
            .missed_heartbeats(MOST_SILENT_BEATS);
        SqliteStorage::new(pool).with_config(config)
    }

    fn in_server(&self, pool: &PgPool) -> PostgresStorage<Task> {
        let config = apalis_postgres::Config::default()
            .queue(&self.name)
            .batch_size(1)
            .heartbeat_interval(BEAT)
            .missed_heartbeats(MOST_SILENT_BEATS);
        PostgresStorage::new(pool).with_config(config)
    }
}

async fn open_file(file: &Path) -> Result<SqlitePool, BoxDynError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10));
    let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
    let mut migrations = SqliteStorage::<()>::migrations();
    migrations.dangerous_set_table_name(MIGRATIONS);
    migrations.run(&pool).await?;
    Ok(pool)
}
