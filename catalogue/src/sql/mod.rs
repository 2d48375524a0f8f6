//! The statements of a catalogue, which are the same for both databases: this folder is compiled once for each of them.
//! What differs is in `sqlite.rs` and `postgres.rs`: how a transaction begins, the clock, the connections, the tables.

mod account;
mod arrival;
mod audit;
mod change;
mod check;
mod cloud_account;
mod copy;
mod disk;
mod edit;
mod find;
mod holding;
mod image;
mod installed;
mod job;
mod lock;
mod numbers;
mod offer;
mod owner;
mod pool;
mod process;
mod publication;
mod register;
mod removal;
mod run;
mod scrub;
mod stack;
mod transfer;
mod webhook;

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use sqlx::query::Query;
use sqlx::{Pool, Transaction};
use uuid::Uuid;

use super::{
    BEGIN_READ, BEGIN_WRITE, Connection, Db, claim_writing, database_faults, lock_clock, numbers_were_given,
};
use crate::lock::CurrentHolder;
use crate::{CatalogueError, EnvironmentKey, Place};

impl crate::Store for Database {}

/// An open database, for one environment.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(super) readers: Pool<Db>,
    pub(super) writer: Pool<Db>,
    pub(super) place: Place,
    environment: i64,
    lock_holder: CurrentHolder,
    /// The worker that this process is.
    process: Arc<Mutex<Option<String>>>,
}

/// A transaction, and the environment that it is about. Dropped without a commit, it leaves nothing.
pub(super) struct Work {
    tx: Transaction<'static, Db>,
    environment: i64,
}

impl Database {
    pub(super) async fn open(
        readers: Pool<Db>,
        writer: Pool<Db>,
        place: Place,
        environment: &EnvironmentKey,
    ) -> Result<Self, CatalogueError> {
        let lock_holder = CurrentHolder::default();
        let process = Arc::default();
        let mut database = Self { readers, writer, place, environment: 0, lock_holder, process };
        let failed = database.failed("finding the environment");
        database.environment = environment_id(&database.readers, &database.writer, environment.name.as_str())
            .await
            .map_err(failed)?;
        database.check_repository(environment).await?;
        Ok(database)
    }

    /// An environment that nobody has bound becomes the repository's that asks.
    async fn check_repository(&self, environment: &EnvironmentKey) -> Result<(), CatalogueError> {
        let Some(asks) = &environment.repository else { return Ok(()) };
        let failed = self.failed("reading whose the environment is");
        sqlx::query("UPDATE environment SET repository = $2 WHERE id = $1 AND repository IS NULL")
            .bind(self.environment)
            .bind(asks)
            .execute(&self.writer)
            .await
            .map_err(&failed)?;
        let owner: String = sqlx::query_scalar("SELECT repository FROM environment WHERE id = $1")
            .bind(self.environment)
            .fetch_one(&self.readers)
            .await
            .map_err(&failed)?;
        if owner == *asks {
            return Ok(());
        }
        let (place, name, asks) = (self.place.clone(), environment.name.clone(), asks.clone());
        Err(CatalogueError::OtherRepository { place, name, owner, asks })
    }

    /// A transaction that has the right to write from its start: no other one writes to this environment until its end.
    ///
    /// # Errors
    ///
    /// [`CatalogueError::Moved`]: it was opened before that, and what would be written is lost.
    pub(super) async fn write(&self, doing: &'static str) -> Result<Work, CatalogueError> {
        let mut tx = self.begin_write(doing).await?;
        match transfer::moved_to(&mut tx).await.map_err(self.failed(doing))? {
            None => Ok(tx),
            Some(to) => Err(CatalogueError::Moved { place: self.place.clone(), to }),
        }
    }

    /// One statement that writes, with the same right. How many rows it changed.
    async fn write_one(
        &self,
        doing: &'static str,
        statement: Query<'_, Db, <Db as sqlx::Database>::Arguments>,
    ) -> Result<u64, CatalogueError> {
        let failed = self.failed(doing);
        let mut tx = self.write(doing).await?;
        let done = statement.execute(&mut *tx).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    /// The same, even where the catalogue has moved away.
    async fn begin_write(&self, doing: &'static str) -> Result<Work, CatalogueError> {
        let failed = self.failed(doing);
        let mut tx = self.writer.begin_with(BEGIN_WRITE).await.map_err(&failed)?;
        claim_writing(&mut tx, self.environment).await.map_err(&failed)?;
        Ok(Work { tx, environment: self.environment })
    }

    /// A transaction in which all queries see the same state.
    async fn read(&self, doing: &'static str) -> Result<Work, CatalogueError> {
        let tx = self.readers.begin_with(BEGIN_READ).await.map_err(self.failed(doing))?;
        Ok(Work { tx, environment: self.environment })
    }

    /// Gives a database's error the place and the work that it stopped.
    fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> CatalogueError + use<> {
        let place = self.place.clone();
        move |source| CatalogueError::Database { place: place.clone(), doing, source }
    }
}

impl Work {
    async fn commit(self) -> sqlx::Result<()> {
        self.tx.commit().await
    }

    async fn rollback(self) -> sqlx::Result<()> {
        self.tx.rollback().await
    }
}

impl Deref for Work {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.tx
    }
}

impl DerefMut for Work {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.tx
    }
}

/// The environment's row, made when it is not there yet. The tables of an older version had one environment, without a
/// name: it is the first that asks.
async fn environment_id(readers: &Pool<Db>, writer: &Pool<Db>, environment: &str) -> sqlx::Result<i64> {
    let known = async || {
        sqlx::query_scalar("SELECT id FROM environment WHERE name = $1")
            .bind(environment)
            .fetch_optional(readers)
            .await
    };
    if let Some(id) = known().await? {
        return Ok(id);
    }
    let named = sqlx::query("UPDATE environment SET name = $1 WHERE name = ''")
        .bind(environment)
        .execute(writer)
        .await?;
    if named.rows_affected() == 0 {
        sqlx::query(
            "INSERT INTO environment (name, catalogue) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        )
        .bind(environment)
        .bind(Uuid::new_v4().simple().to_string())
        .execute(writer)
        .await?;
    }
    known().await?.ok_or(sqlx::Error::RowNotFound)
}
