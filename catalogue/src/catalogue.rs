//! The file: made when missing, brought to this version's tables, one connection pool.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{CatalogueError, lock::CurrentHolder};

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!();

/// How many connections read at once.
const READERS: u32 = 4;

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open catalogue. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// For reading.
    pub(crate) pool: SqlitePool,
    /// One connection, which writers of this process get in turn: SQLite itself has no queue for them, and lets them
    /// sleep for longer than a write takes.
    pub(crate) writer: SqlitePool,
    file: Arc<Path>,
    pub(crate) lock_holder: CurrentHolder,
}

impl Catalogue {
    /// Opens the catalogue in `file`. A missing file is made for its owner alone (mode 0600), as are the
    /// directories above it (0700); older tables are brought to this version's in one transaction.
    pub async fn open(file: &Path) -> Result<Self, CatalogueError> {
        make_missing(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let open_failed = |source| CatalogueError::Open { path: file.to_path_buf(), source };
        let writer = connect(options.clone(), 1).await.map_err(open_failed)?;
        // SQLite has no lock for migrations: of two that open a new file at once, the second waits here.
        let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(open_failed)?;
        MIGRATIONS.run_direct(None, &mut *tx, false).await.map_err(|source| CatalogueError::Migrate {
            path: file.to_path_buf(),
            source: Box::new(source),
        })?;
        tx.commit().await.map_err(open_failed)?;
        let pool = connect(options, READERS).await.map_err(open_failed)?;
        Ok(Self { pool, writer, file: file.into(), lock_holder: CurrentHolder::default() })
    }

    /// A transaction that has the right to write from its start, so that it never fails half-way because another
    /// one wrote. Dropped without a commit, it leaves nothing.
    pub(crate) async fn write(
        &self,
        doing: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, CatalogueError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(self.failed(doing))
    }

    /// A transaction in which all queries see the same state.
    pub(crate) async fn read(
        &self,
        doing: &'static str,
    ) -> Result<Transaction<'static, Sqlite>, CatalogueError> {
        self.pool.begin().await.map_err(self.failed(doing))
    }

    /// Gives a database's error the file and the work that it stopped.
    pub(crate) fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> CatalogueError {
        let path: PathBuf = self.file.to_path_buf();
        move |source| CatalogueError::Database { path: path.clone(), doing, source }
    }
}

/// SQLite's own waiting leaves out one thing: the change of a new file to its write-ahead log, when another process
/// is at the same.
async fn connect(options: SqliteConnectOptions, most: u32) -> sqlx::Result<SqlitePool> {
    let started = Instant::now();
    loop {
        match pool_of(most).connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && started.elapsed() < BUSY_TIMEOUT => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            connected => return connected,
        }
    }
}

fn pool_of(most: u32) -> SqlitePoolOptions {
    // A hundred nodes may wait for the one that writes.
    SqlitePoolOptions::new().max_connections(most).acquire_timeout(Duration::from_secs(120))
}

/// Whether it is `SQLITE_BUSY`, or one of its kinds, which differ in the higher bytes.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
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
