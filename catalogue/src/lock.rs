//! Locks: of two runs that would spoil each other's work, one at a time.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, FromRow, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::{Instant, interval_at, sleep, timeout_at},
};
use uuid::Uuid;

use crate::{Catalogue, CatalogueError, Timestamp};

/// How often a holder says that it lives: often enough for [`DEAD_AFTER`] to be short, seldom enough to be nothing
/// beside a run's own writes.
const BEAT: Duration = Duration::from_secs(2);

/// A holder that was silent for so long is dead. A disk may be busy for three beats before that is believed, and who
/// waits for a dead one waits for seconds.
const DEAD_AFTER: Duration = Duration::from_secs(8);

/// A holder that could not say that it lives for so long says that its locks are lost: a beat before anybody may take
/// them, so that its work has stopped by then.
const LOST_AFTER: Duration = DEAD_AFTER.saturating_sub(BEAT);

/// How often a waiting caller tries again.
pub(crate) const TRY_EVERY: Duration = Duration::from_millis(500);

/// What came of trying to take a lock.
#[derive(Debug)]
pub enum LockAttempt {
    /// All scopes are held now.
    Held(Lock),
    /// None is: another lock has one of them.
    Taken(LockHolder),
}

/// Who has a lock.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct LockHolder {
    /// What is locked.
    pub scope: String,
    /// By whom.
    #[sqlx(rename = "taken_by")]
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}

/// Scopes that nobody else holds, for as long as this is neither released nor lost.
///
/// All locks of an open catalogue and its clones are renewed together, by one write every 2 s. They are lost when that
/// did not work for 8 s: then anybody may take them. Dropped without [`Lock::release`], a lock is free after that time
/// at the latest.
#[derive(Debug)]
#[must_use = "a dropped lock is lost"]
pub struct Lock {
    id: String,
    holder: Arc<Holder>,
    catalogue: Catalogue,
}

impl Lock {
    /// Gives the lock back. Of one that is lost already, nothing is left to give.
    pub async fn release(self) -> Result<(), CatalogueError> {
        let mut db =
            self.catalogue.writer.acquire().await.map_err(self.catalogue.failed("giving a lock back"))?;
        remove(&mut db, &self.id).await.map_err(self.catalogue.failed("giving a lock back"))
    }

    /// Completes when the lock is held no more: another one has taken it, it could not be renewed in time, or this
    /// machine slept for too long. What the lock is for must stop then. After a sleep this takes up to 2 s.
    pub async fn lost(&self) {
        // An error: who renewed it is gone.
        let _ = self.holder.lost.clone().wait_for(|lost| *lost).await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever listens no more renews no more either.
        let _ = self.holder.dropped.send(std::mem::take(&mut self.id));
    }
}

impl Catalogue {
    /// Takes a lock on all of `scopes`, or on none. A scope is any text that all who could meet agree upon
    /// (`image_x/main on n1`); `by` is who takes it, for whoever finds it taken. It waits for nobody: see
    /// [`Catalogue::wait_for_lock`].
    ///
    /// Whether a holder is dead is told by the database's clock, which is this machine's: all of its processes have the
    /// same, and it goes on while the machine sleeps. When it is set to another time, holders may lose their locks.
    pub async fn lock(&self, scopes: &[String], by: &str) -> Result<LockAttempt, CatalogueError> {
        let doing = "taking a lock";
        let failed = self.failed(doing);
        let mut known = self.lock_holder.lock().await;
        let mut tx = self.write(doing).await?;
        sqlx::query("DELETE FROM lock_holder WHERE abs(unixepoch('subsec') - renewed_at) >= ?")
            .bind(DEAD_AFTER.as_secs_f64())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        let scopes = serde_json::json!(scopes).to_string();
        let taken = sqlx::query_as(
            "SELECT scope, taken_by, since FROM lock
             WHERE scope IN (SELECT value FROM json_each(?)) ORDER BY scope LIMIT 1",
        )
        .bind(&scopes)
        .fetch_optional(&mut *tx)
        .await
        .map_err(&failed)?;
        if let Some(holder) = taken {
            return Ok(LockAttempt::Taken(holder));
        }
        let holder = match known.upgrade() {
            Some(holder) if holder.lives(&mut tx).await.map_err(&failed)? => holder,
            _ => self.new_holder(&mut tx).await.map_err(&failed)?,
        };
        // Before its rows are: whatever ends this function from here on, the rows will not stay.
        let lock = Lock { id: Uuid::new_v4().to_string(), holder, catalogue: self.clone() };
        sqlx::query(
            "INSERT INTO lock (scope, id, holder, taken_by, since)
             SELECT DISTINCT value, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM json_each(?)",
        )
        .bind(&lock.id)
        .bind(&lock.holder.id)
        .bind(by)
        .bind(&scopes)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        tx.commit().await.map_err(&failed)?;
        *known = Arc::downgrade(&lock.holder);
        Ok(LockAttempt::Held(lock))
    }

    /// Takes a lock as soon as all of `scopes` are free. `on_wait` is told whom it waits for: at once, and again when
    /// that is another one. Dropped, it waits no more.
    pub async fn wait_for_lock(
        &self,
        scopes: &[String],
        by: &str,
        mut on_wait: impl FnMut(&LockHolder),
    ) -> Result<Lock, CatalogueError> {
        let mut told = None;
        loop {
            match self.lock(scopes, by).await? {
                LockAttempt::Held(lock) => return Ok(lock),
                LockAttempt::Taken(holder) if told.as_ref() != Some(&holder) => {
                    on_wait(&holder);
                    told = Some(holder);
                }
                LockAttempt::Taken(_) => {}
            }
            sleep(TRY_EVERY).await;
        }
    }

    async fn new_holder(&self, db: &mut SqliteConnection) -> sqlx::Result<Arc<Holder>> {
        let id = Uuid::new_v4().to_string();
        let renewed = Instant::now();
        sqlx::query("INSERT INTO lock_holder (id, renewed_at) VALUES (?, unixepoch('subsec'))")
            .bind(&id)
            .execute(db)
            .await?;
        let (tell_dropped, dropped) = mpsc::unbounded_channel();
        let (tell_lost, lost) = watch::channel(false);
        let options = self.pool.connect_options();
        let keeper = {
            let id = id.clone();
            tokio::spawn(async move {
                keep(&options, &id, renewed, dropped).await;
                tell_lost.send_replace(true);
            })
        };
        Ok(Arc::new(Holder { id, lost, dropped: tell_dropped, keeper: keeper.abort_handle() }))
    }
}

/// What all locks of an open catalogue share. It renews them until it is dropped with the last of them.
#[derive(Debug)]
pub(crate) struct Holder {
    id: String,
    lost: watch::Receiver<bool>,
    /// The ids of locks that nobody released.
    dropped: mpsc::UnboundedSender<String>,
    keeper: AbortHandle,
}

impl Holder {
    async fn lives(&self, db: &mut SqliteConnection) -> sqlx::Result<bool> {
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM lock_holder WHERE id = ?)")
            .bind(&self.id)
            .fetch_one(db)
            .await?;
        Ok(known && !*self.lost.borrow())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Renews a holder until it is lost. Over a connection of its own: those of the catalogue may be taken by the runs of
/// a hundred nodes.
async fn keep(
    options: &SqliteConnectOptions,
    holder: &str,
    mut renewed: Instant,
    mut dropped: mpsc::UnboundedReceiver<String>,
) {
    let Ok(mut db) = options.connect().await else { return };
    let mut beats = interval_at(renewed + BEAT, BEAT);
    let mut to_remove = Vec::new();
    loop {
        beats.tick().await;
        while let Ok(lock) = dropped.try_recv() {
            to_remove.push(lock);
        }
        match timeout_at(renewed + LOST_AFTER, renew(&mut db, holder, &to_remove)).await {
            Ok(Ok(Some(now))) => {
                renewed = now;
                to_remove.clear();
            }
            // The next beat may do better.
            Ok(Err(_)) => {}
            Ok(Ok(None)) | Err(_) => return,
        }
    }
}

/// When it was renewed; none: it is dead.
async fn renew(
    db: &mut SqliteConnection,
    holder: &str,
    to_remove: &[String],
) -> sqlx::Result<Option<Instant>> {
    let mut tx = db.begin_with("BEGIN IMMEDIATE").await?;
    let now = Instant::now();
    let renewed = sqlx::query(
        "UPDATE lock_holder SET renewed_at = unixepoch('subsec')
         WHERE id = ? AND abs(unixepoch('subsec') - renewed_at) < ?",
    )
    .bind(holder)
    .bind(DEAD_AFTER.as_secs_f64())
    .execute(&mut *tx)
    .await?;
    for lock in to_remove {
        remove(&mut tx, lock).await?;
    }
    tx.commit().await?;
    Ok((renewed.rows_affected() == 1).then_some(now))
}

async fn remove(db: &mut SqliteConnection, lock: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM lock WHERE id = ?").bind(lock).execute(db).await?;
    Ok(())
}

/// The holder of the locks that were taken last, while it has any.
pub(crate) type CurrentHolder = Arc<tokio::sync::Mutex<Weak<Holder>>>;
