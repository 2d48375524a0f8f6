//! Locks, and that their holder lives.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use sqlx::{ConnectOptions, Connection as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval_at, timeout_at};
use uuid::Uuid;

use super::{BEGIN_WRITE, Connection, Database, Work, lock_clock};
use crate::lock::{BEAT, DEAD_AFTER, Holder, LOST_AFTER};
use crate::{CatalogueError, Lock, LockAttempt, LockHolder, Locks};

#[async_trait]
impl Locks for Database {
    async fn lock(&self, scopes: &[String], by: &str) -> Result<LockAttempt, CatalogueError> {
        let doing = "taking a lock";
        let failed = self.failed(doing);
        let mut known = self.lock_holder.lock().await;
        let mut tx = self.write(doing).await?;
        let now = lock_clock(&mut tx).await.map_err(&failed)?;
        sqlx::query("DELETE FROM lock_holder WHERE abs($2 - renewed_at) >= $1")
            .bind(DEAD_AFTER.as_secs_f64())
            .bind(now)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        let scopes: BTreeSet<&String> = scopes.iter().collect();
        for &scope in &scopes {
            if let Some(holder) = taken(&mut tx, scope).await.map_err(&failed)? {
                return Ok(LockAttempt::Taken(holder));
            }
        }
        let holder = match known.upgrade() {
            Some(holder) if lives(&mut tx, &holder).await.map_err(&failed)? => holder,
            _ => self.new_holder(&mut tx).await.map_err(&failed)?,
        };
        // Before its rows are: whatever ends this function from here on, the rows will not stay.
        let lock = Lock { id: Uuid::new_v4().to_string(), holder, store: Arc::new(self.clone()) };
        for scope in scopes {
            sqlx::query(concat!(
                "INSERT INTO lock (environment_id, scope, id, holder, taken_by, since)
                 VALUES ($1, $2, $3, $4, $5, ",
                now!(),
                ")"
            ))
            .bind(tx.environment)
            .bind(scope)
            .bind(&lock.id)
            .bind(&lock.holder.id)
            .bind(by)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)?;
        *known = Arc::downgrade(&lock.holder);
        Ok(LockAttempt::Held(lock))
    }

    async fn locks(&self) -> Result<Vec<LockHolder>, CatalogueError> {
        let doing = "listing the locks";
        let mut tx = self.read(doing).await?;
        living(&mut tx).await.map_err(self.failed(doing))
    }

    async fn give_back(&self, id: &str) -> Result<(), CatalogueError> {
        let failed = self.failed("giving a lock back");
        let mut db = self.writer.acquire().await.map_err(&failed)?;
        remove(&mut db, id).await.map_err(failed)
    }
}

impl Database {
    async fn new_holder(&self, db: &mut Work) -> sqlx::Result<Arc<Holder>> {
        let id = Uuid::new_v4().to_string();
        let renewed = Instant::now();
        let now = lock_clock(db).await?;
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sqlx::query("INSERT INTO lock_holder (id, process, renewed_at) VALUES ($1, $2, $3)")
            .bind(&id)
            .bind(process)
            .bind(now)
            .execute(&mut **db)
            .await?;
        let (tell_dropped, dropped) = mpsc::unbounded_channel();
        let (tell_lost, lost) = watch::channel(false);
        let options = self.readers.connect_options();
        let keeper = id.clone();
        tokio::spawn(async move {
            keep(&options, &keeper, renewed, dropped).await;
            tell_lost.send_replace(true);
        });
        Ok(Arc::new(Holder { id, lost, dropped: tell_dropped }))
    }
}

/// A lock of the environment whose holder lives.
pub(super) async fn any_lock(db: &mut Work) -> sqlx::Result<Option<LockHolder>> {
    Ok(living(db).await?.into_iter().next())
}

/// All of them, by scope.
async fn living(db: &mut Work) -> sqlx::Result<Vec<LockHolder>> {
    let now = lock_clock(db).await?;
    sqlx::query_as(
        "SELECT l.scope, l.taken_by, l.since FROM lock l JOIN lock_holder h ON h.id = l.holder
         WHERE l.environment_id = $1 AND abs($3 - h.renewed_at) < $2 ORDER BY l.scope",
    )
    .bind(db.environment)
    .bind(DEAD_AFTER.as_secs_f64())
    .bind(now)
    .fetch_all(&mut **db)
    .await
}

async fn taken(db: &mut Work, scope: &str) -> sqlx::Result<Option<LockHolder>> {
    sqlx::query_as("SELECT scope, taken_by, since FROM lock WHERE environment_id = $1 AND scope = $2")
        .bind(db.environment)
        .bind(scope)
        .fetch_optional(&mut **db)
        .await
}

async fn lives(db: &mut Work, holder: &Holder) -> sqlx::Result<bool> {
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM lock_holder WHERE id = $1)")
        .bind(&holder.id)
        .fetch_one(&mut **db)
        .await?;
    Ok(known && !*holder.lost.borrow())
}

/// Renews a holder until it is lost. Over a connection of its own: those of the catalogue may be taken by the runs of
/// a hundred nodes.
async fn keep(
    options: &<Connection as sqlx::Connection>::Options,
    holder: &str,
    mut renewed: Instant,
    mut dropped: mpsc::UnboundedReceiver<String>,
) {
    let mut db = None;
    let mut beats = interval_at(renewed + BEAT, BEAT);
    let mut to_remove = Vec::new();
    let mut has_locks = true;
    while has_locks {
        tokio::select! {
            // Whoever waits for it shall have it at once.
            lock = dropped.recv() => match lock {
                Some(lock) => to_remove.push(lock),
                None => has_locks = false,
            },
            _ = beats.tick() => {}
        }
        while let Ok(lock) = dropped.try_recv() {
            to_remove.push(lock);
        }
        if !has_locks && to_remove.is_empty() {
            return;
        }
        let renewing = async {
            let mut open = match db.take() {
                Some(open) => open,
                None => options.connect().await?,
            };
            let now = renew(&mut open, holder, &to_remove).await?;
            db = Some(open);
            Ok::<_, sqlx::Error>(now)
        };
        match timeout_at(renewed + LOST_AFTER, renewing).await {
            Ok(Ok(Some(now))) => {
                renewed = now;
                to_remove.clear();
            }
            // The next beat may do better, over a new connection: the database may have been restarted. An error that came
            // at once is no reason to wait for longer.
            Ok(Err(_)) if Instant::now() < renewed + LOST_AFTER => {}
            Ok(Ok(None) | Err(_)) | Err(_) => return,
        }
    }
}

/// When it was renewed; none: it is dead.
async fn renew(db: &mut Connection, holder: &str, to_remove: &[String]) -> sqlx::Result<Option<Instant>> {
    let mut tx = db.begin_with(BEGIN_WRITE).await?;
    let now = Instant::now();
    let clock = lock_clock(&mut tx).await?;
    let renewed =
        sqlx::query("UPDATE lock_holder SET renewed_at = $3 WHERE id = $1 AND abs($3 - renewed_at) < $2")
            .bind(holder)
            .bind(DEAD_AFTER.as_secs_f64())
            .bind(clock)
            .execute(&mut *tx)
            .await?;
    for lock in to_remove {
        remove(&mut tx, lock).await?;
    }
    tx.commit().await?;
    Ok((renewed.rows_affected() == 1).then_some(now))
}

async fn remove(db: &mut Connection, lock: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM lock WHERE id = $1").bind(lock).execute(db).await?;
    Ok(())
}
