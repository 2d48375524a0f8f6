//! Locks: of two runs that would spoil each other's work, one at a time.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::FromRow;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::{Catalogue, CatalogueError, Timestamp};

/// How often a holder says that it lives: often enough for [`DEAD_AFTER`] to be short, seldom enough to be nothing
/// beside a run's own writes.
pub(crate) const BEAT: Duration = Duration::from_secs(2);

/// A holder that was silent for so long is dead. A disk may be busy for three beats before that is believed, and who
/// waits for a dead one waits for seconds.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(8);

/// A holder that could not say that it lives for so long says that its locks are lost: a beat before anybody may take
/// them, so that its work has stopped by then.
pub(crate) const LOST_AFTER: Duration = DEAD_AFTER.saturating_sub(BEAT);

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

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has been at work on {} since {}", self.by, self.scope, self.since)
    }
}

/// Scopes that nobody else holds, for as long as this is neither released nor lost.
///
/// All locks of an open catalogue and its clones are renewed together, by one write every 2 s. They are lost when that
/// did not work for 8 s: then anybody may take them. Dropped without [`Lock::release`], a lock is given back soon; one of a
/// process that was killed is free after those 8 s.
#[derive(Debug)]
#[must_use = "a dropped lock is lost"]
pub struct Lock {
    /// Empty when it was given back.
    pub(crate) id: String,
    pub(crate) holder: Arc<Holder>,
    pub(crate) store: Arc<dyn Locks>,
}

impl Lock {
    /// Gives the lock back. Of one that is lost already, nothing is left to give.
    pub async fn release(mut self) -> Result<(), CatalogueError> {
        self.store.give_back(&self.id).await?;
        self.id.clear();
        Ok(())
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
        if !self.id.is_empty() {
            // Whoever listens no more renews no more either.
            let _ = self.holder.dropped.send(std::mem::take(&mut self.id));
        }
    }
}

/// Taking locks and giving them back.
#[async_trait]
pub trait Locks: fmt::Debug + Send + Sync {
    /// Takes a lock on all of `scopes`, or on none. A scope is any text that all who could meet agree upon
    /// (`image_x/main on n1`); `by` is who takes it, for whoever finds it taken. It waits for nobody: see
    /// [`Catalogue::wait_for_lock`].
    ///
    /// Whether a holder is dead is told by one clock that all have: for an SQLite file the time since this machine started,
    /// which goes on while it sleeps and which nobody sets; for PostgreSQL the server's. When the server's is set to another
    /// time, holders lose their locks.
    async fn lock(&self, scopes: &[String], by: &str) -> Result<LockAttempt, CatalogueError>;

    /// The locks that somebody holds now, by scope.
    async fn locks(&self) -> Result<Vec<LockHolder>, CatalogueError>;

    /// Gives back the lock of this id; one that is lost already is no error. [`Lock::release`] calls it.
    async fn give_back(&self, id: &str) -> Result<(), CatalogueError>;
}

impl Catalogue {
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
}

/// What all locks of an open catalogue share. They are renewed until it is dropped with the last of them.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) id: String,
    pub(crate) lost: watch::Receiver<bool>,
    /// The ids of locks that nobody released. Whoever renews them ends with this.
    pub(crate) dropped: mpsc::UnboundedSender<String>,
}

/// The holder of the locks that were taken last, while it has any.
pub(crate) type CurrentHolder = Arc<tokio::sync::Mutex<Weak<Holder>>>;
