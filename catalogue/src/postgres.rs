//! A catalogue in a PostgreSQL database, which several controllers and environments may share.

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use self::sql::Database;
use crate::{CatalogueError, EnvironmentKey, Place, PostgresUrl, Process};

pub(crate) type Db = sqlx::Postgres;
pub(crate) type Connection = PgConnection;

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How a transaction begins in which all queries see the same state.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How one begins that writes.
const BEGIN_WRITE: &str = "BEGIN";

/// Now by the database's clock, as a [`crate::Timestamp`].
macro_rules! now {
    () => {
        "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    };
}

#[path = "sql/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the same statements, compiled for each database")]
mod sql;

#[cfg(test)]
#[path = "tests/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "one suite that both databases pass")]
mod tests;

#[cfg(test)]
#[path = "postgres_server.rs"]
mod test_server;

#[cfg(test)]
#[path = "postgres_tests.rs"]
mod own_tests;

#[cfg(test)]
#[path = "postgres_fault_tests.rs"]
mod fault_tests;

/// Seconds since 1970 by the server's clock, which all controllers have together.
async fn lock_clock(db: &mut Connection) -> sqlx::Result<f64> {
    sqlx::query_scalar("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
        .fetch_one(db)
        .await
}

/// Nothing: a server checks its own files.
async fn database_faults(_: &mut Connection) -> sqlx::Result<Vec<String>> {
    Ok(Vec::new())
}

/// One writer at a time for each environment, as in SQLite: what a transaction has read stays true until it has written.
async fn claim_writing(db: &mut Connection, environment: i64) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(environment).execute(db).await.map(drop)
}

/// Rows of this table came with their numbers: the next one is given after the greatest.
async fn numbers_were_given(db: &mut Connection, table: &str) -> sqlx::Result<()> {
    // A table's name only, which is a constant.
    let sql = match table {
        "image" => "UPDATE image_number SET last = GREATEST(last, (SELECT COALESCE(max(id), 0) FROM image))".to_owned(),
        table => format!(
            "SELECT setval(pg_get_serial_sequence('{table}', 'id'),
                           GREATEST((SELECT COALESCE(max(id), 0) FROM {table}) + 1, nextval(pg_get_serial_sequence('{table}', 'id'))),
                           false)"
        ),
    };
    sqlx::query(AssertSqlSafe(sql)).execute(db).await.map(drop)
}

/// How often a worker looks whether its connection is still there.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// A lock of a connection of its own, which the server gives back when the connection ends.
async fn enter(database: &Database, name: &str) -> sqlx::Result<Process> {
    let mut held = connect(&database.readers.connect_options()).await?;
    sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))").bind(name).execute(&mut held).await?;
    let (tell_lost, lost) = watch::channel(false);
    let holding = tokio::spawn(async move {
        loop {
            sleep(LOOK_EVERY).await;
            let looking = timeout(CONNECT_TIMEOUT, sqlx::query("SELECT 1").execute(&mut held));
            if !matches!(looking.await, Ok(Ok(_))) {
                tell_lost.send_replace(true);
                return;
            }
        }
    });
    Ok(Process { name: name.to_owned(), lost, _held: Box::new(Entered(holding)) })
}

/// What others see of a process: dropped, its connection ends.
struct Entered(JoinHandle<()>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn is_gone(database: &Database, name: &str) -> sqlx::Result<bool> {
    let mut tx = database.readers.begin().await?;
    let is_gone = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(name)
        .fetch_one(&mut *tx)
        .await?;
    tx.rollback().await?;
    Ok(is_gone)
}

/// How long a server may take to let the first connection in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How many connections read at once.
const READERS: u32 = 4;

/// A connection that nobody has used for so long is given back: a server lets only so many in.
const IDLE: Duration = Duration::from_secs(5);

/// How long a server is asked again that lets no further connection in, and how it says so.
const PATIENCE: Duration = Duration::from_secs(10);
const TOO_MANY: &str = "53300";

/// A first connection. A server that lets no further one in is asked again, as a pool does.
async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let begun = Instant::now();
    loop {
        match options.connect().await {
            Err(sqlx::Error::Database(error))
                if error.code().as_deref() == Some(TOO_MANY) && begun.elapsed() < PATIENCE =>
            {
                sleep(LOOK_EVERY).await;
            }
            connected => return connected,
        }
    }
}

pub(crate) async fn open(
    url: &PostgresUrl,
    environment: &EnvironmentKey,
) -> Result<Database, CatalogueError> {
    let place = Place::Postgres(url.clone());
    let failed = |source| CatalogueError::Open { place: place.clone(), source };
    let unfit = |error| CatalogueError::of_migration(&place, error);
    // A pool goes on trying while nobody listens: one connection says at once that nobody does.
    let options = url.options();
    let connecting = timeout(CONNECT_TIMEOUT, connect(&options));
    let mut first = connecting.await.map_err(|_| failed(sqlx::Error::PoolTimedOut))?.map_err(failed)?;
    MIGRATIONS.run_direct(None, &mut first, false).await.map_err(unfit)?;
    first.close().await.map_err(failed)?;
    // A hundred nodes may wait for the one that writes.
    let pool = |most| {
        let waiting = PgPoolOptions::new().max_connections(most).acquire_timeout(Duration::from_secs(120));
        waiting.idle_timeout(IDLE)
    };
    // One connection for what this process writes, as in SQLite: what an environment's writers do is one after another
    // anyway.
    let writer = pool(1).connect_lazy_with(url.options());
    let readers = pool(READERS).connect_lazy_with(url.options());
    Database::open(readers, writer, place, environment).await
}
