//! A catalogue in an SQLite file: made when missing, brought to this version's tables.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _};
use tokio::sync::watch;

use self::sql::Database;
use crate::{CatalogueError, EnvironmentKey, Place, Process};

pub(crate) type Db = sqlx::Sqlite;
pub(crate) type Connection = sqlx::SqliteConnection;

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How a transaction begins in which all queries see the same state.
const BEGIN_READ: &str = "BEGIN";

/// How one begins that has the right to write from its start, so that it never fails half-way because another one wrote.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Now by the database's clock, as a [`crate::Timestamp`].
macro_rules! now {
    () => {
        "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
    };
}

#[path = "sql/mod.rs"]
mod sql;

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;

#[cfg(test)]
#[path = "sqlite_server.rs"]
mod test_server;

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod own_tests;

#[cfg(test)]
#[path = "sqlite_fault_tests.rs"]
mod fault_tests;

/// Seconds since this machine started, its sleep included: all who use the file are on this machine, and nobody sets this
/// clock to another time.
async fn lock_clock(_: &mut Connection) -> sqlx::Result<f64> {
    let uptime = fs::read_to_string("/proc/uptime")?;
    let seconds = uptime.split(' ').next().and_then(|seconds| seconds.parse().ok());
    seconds.ok_or_else(|| io::Error::other("/proc/uptime holds no time").into())
}

/// What the database finds wrong with its own file; a page that cannot be read is one of these.
async fn database_faults(db: &mut Connection) -> sqlx::Result<Vec<String>> {
    let said: sqlx::Result<Vec<String>> =
        sqlx::query_scalar("PRAGMA integrity_check(20)").fetch_all(&mut *db).await;
    match said {
        Ok(said) => Ok(said.into_iter().filter(|said| said != "ok").collect()),
        Err(error) if is_damage(&error) => Ok(vec![error.to_string()]),
        Err(error) => Err(error),
    }
}

/// Whether it is `SQLITE_CORRUPT` or `SQLITE_NOTADB`.
fn is_damage(error: &sqlx::Error) -> bool {
    primary_code(error).is_some_and(|code| matches!(code, 11 | 26))
}

/// Nothing to do: SQLite has one writer at a time.
async fn claim_writing(_: &mut Connection, _: i64) -> sqlx::Result<()> {
    Ok(())
}

/// Nothing to do: SQLite gives the number after the greatest.
async fn numbers_were_given(_: &mut Connection, _: &str) -> sqlx::Result<()> {
    Ok(())
}

/// A lock on a file of its own, which the kernel gives back when the process ends.
async fn enter(database: &Database, name: &str) -> sqlx::Result<Process> {
    let path = process_file(database, name);
    // It gets its name when it is locked: others may remove one that nobody has locked.
    let unlocked = path.with_added_extension("new");
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unlocked)?;
    file.try_lock().map_err(io::Error::from)?;
    fs::rename(&unlocked, &path)?;
    remove_what_dead_ones_left(&path)?;
    // Nothing of it can be lost while this process is there.
    let (_, lost) = watch::channel(false);
    Ok(Process { name: name.to_owned(), lost, _held: Box::new(Entered { path, _file: file }) })
}

/// What others see of a process.
struct Entered {
    path: PathBuf,
    _file: File,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The files of processes that were killed while they had no job: nobody asks for them any more.
fn remove_what_dead_ones_left(own: &Path) -> io::Result<()> {
    let (Some(directory), Some(stem)) = (own.parent(), own.file_stem()) else { return Ok(()) };
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path != own
            && path.file_stem() == Some(stem)
            && extension.is_some_and(|word| word.starts_with(WORKER))
        {
            is_unlocked(&path)?;
        }
    }
    Ok(())
}

async fn is_gone(database: &Database, name: &str) -> sqlx::Result<bool> {
    Ok(is_unlocked(&process_file(database, name))?)
}

/// Whether nobody has the file of a process; then it is removed.
fn is_unlocked(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = fs::remove_file(path);
            Ok(true)
        }
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What the extension of a process's file begins with.
const WORKER: &str = "worker-";

/// Beside the catalogue: the name is made by us, of letters, digits and `-`.
fn process_file(database: &Database, name: &str) -> PathBuf {
    let Place::File(catalogue) = &database.place else { return PathBuf::from(name) };
    catalogue.with_extension(format!("{WORKER}{name}"))
}

/// How many connections read at once.
const READERS: u32 = 4;

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn open(file: &Path, environment: &EnvironmentKey) -> Result<Database, CatalogueError> {
    make_missing(file)?;
    let place = Place::from(file);
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    let failed = |source| CatalogueError::Open { place: place.clone(), source };
    migrate(&options, &place).await?;
    // One connection, which writers of this process get in turn: SQLite itself has no queue for them, and lets them
    // sleep for longer than a write takes.
    let writer = connect(options.clone(), 1).await.map_err(failed)?;
    let readers = connect(options, READERS).await.map_err(failed)?;
    Database::open(readers, writer, place, environment).await
}

/// A migration may make a table anew that others refer to: what refers to nothing is looked for at its end.
async fn migrate(options: &SqliteConnectOptions, place: &Place) -> Result<(), CatalogueError> {
    let failed = |source| CatalogueError::Open { place: place.clone(), source };
    let unfit = |error| CatalogueError::of_migration(place, error);
    let options = options.clone().foreign_keys(false);
    let mut db = when_free(|| options.connect()).await.map_err(failed)?;
    // SQLite has no lock for migrations: of two that open a new file at once, the second waits here.
    let mut tx = db.begin_with(BEGIN_WRITE).await.map_err(failed)?;
    MIGRATIONS.run_direct(None, &mut *tx, false).await.map_err(unfit)?;
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *tx).await.map_err(failed)?;
    if !broken.is_empty() {
        return Err(CatalogueError::Broken { place: place.clone(), rows: broken.len() });
    }
    tx.commit().await.map_err(failed)?;
    db.close().await.map_err(failed)
}

async fn connect(options: SqliteConnectOptions, most: u32) -> sqlx::Result<SqlitePool> {
    // A hundred nodes may wait for the one that writes.
    let pool = || {
        SqlitePoolOptions::new()
            .max_connections(most)
            .acquire_timeout(Duration::from_secs(120))
            .after_release(|connection, _| Box::pin(is_usable(connection)))
    };
    when_free(|| pool().connect_with(options.clone())).await
}

/// Whether a connection may be used again. On a full disk SQLite ends a transaction by itself, and the library goes on to
/// believe that one is open.
async fn is_usable(connection: &mut Connection) -> sqlx::Result<bool> {
    // What was dropped is rolled back before this answers.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// SQLite's own waiting leaves out one thing: the change of a new file to its write-ahead log, when another process
/// is at the same.
async fn when_free<T, F: Future<Output = sqlx::Result<T>>>(connect: impl Fn() -> F) -> sqlx::Result<T> {
    let started = Instant::now();
    loop {
        match connect().await {
            Err(error) if is_busy(&error) && started.elapsed() < BUSY_TIMEOUT => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            connected => return connected,
        }
    }
}

/// Whether it is `SQLITE_BUSY`, or one of its kinds, which differ in the higher bytes.
fn is_busy(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(5)
}

/// The kinds of an error differ in the higher bytes of its code.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff)
}

fn make_missing(file: &Path) -> Result<(), CatalogueError> {
    if let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|source| CatalogueError::Create { path: directory.to_path_buf(), source })?;
    }
    // Only a new file: to open and close one that this process has open elsewhere would drop SQLite's locks on it.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(CatalogueError::Create { path: file.to_path_buf(), source }),
    }
}
