//! Stored files go from many pools at once: what uses them is looked for, then they are offered no more, then they are
//! removed, then they are forgotten.
//!
//! Stopped anywhere, the same removal done again goes on: what was begun is known by its state.

use ays_catalogue::{CatalogueError, ChangedBy, Leaving, LockHolder, Removable};
use ays_model::{Event, LockScope, NodeName, PoolKey};
use ays_protocol::{FileUse, Removal, StoredFile};
use futures_util::{StreamExt, stream};

use crate::in_use::InUse;
use crate::publish::{Publish, PublishError};
use crate::remove_copies::{FileEnd, RemoveError, RemoveFiles};
use crate::run_log::{Tell, now};
use crate::stop::Stop;

/// Removes files that the catalogue lets go.
pub struct Removing<'a> {
    /// How indexes are written; its nodes, catalogue and connections are those of the removal.
    pub publish: Publish<'a>,
    /// Who wants it.
    pub by: &'a ChangedBy,
}

/// What became of a file, or would.
#[derive(Debug)]
pub enum RemovalEnd {
    /// Nothing uses it: it would be removed.
    Unused,
    /// It is gone.
    Removed,
    /// It stays: this uses it.
    Used(Vec<InUse>),
    /// No node of the environment has its pool any more: it is where it was.
    NoNode,
    /// It stays: it could not be judged, or not be removed.
    Failed(RemovalError),
    /// It stays: what is recorded of it has changed meanwhile.
    Changed,
}

/// Why a file could not be judged or removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// The pool's index could not be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A node could not say what uses it, or not remove it.
    #[error(transparent)]
    Remove(#[from] RemoveError),
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Another controller may be at work on the pool's files by now.
    #[error("the lock was lost: this machine stood still for too long; run it again")]
    LockLost,
    /// The operator stopped it.
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
}

impl Removing<'_> {
    /// Whether something uses the files; nothing is changed. In the order of `files`.
    pub async fn look(&self, files: &[Removable], stop: &Stop, tell: Tell<'_>) -> Vec<RemovalEnd> {
        self.by_pool(files, |files| self.look_at(files, stop, tell)).await
    }

    /// Removes those that nothing uses. In the order of `files`.
    pub async fn remove(
        &self,
        leaving: &Leaving,
        files: &[Removable],
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Vec<RemovalEnd> {
        self.by_pool(files, |files| self.remove_from(leaving, files, stop, tell)).await
    }

    /// The files of each pool at once, so many pools at a time. Those of a pool stand together.
    async fn by_pool<'f, F>(
        &self,
        files: &'f [Removable],
        work: impl Fn(&'f [Removable]) -> F,
    ) -> Vec<RemovalEnd>
    where
        F: Future<Output = Vec<RemovalEnd>>,
    {
        let pools: Vec<_> = files.chunk_by(|one, other| one.pool == other.pool).map(work).collect();
        let ends: Vec<_> = stream::iter(pools).buffered(self.publish.parallel.get()).collect().await;
        ends.into_iter().flatten().collect()
    }

    async fn look_at(&self, files: &[Removable], stop: &Stop, tell: Tell<'_>) -> Vec<RemovalEnd> {
        let Some(pool) = files.first().map(|file| &file.pool) else { return Vec::new() };
        match self.files().run(pool, &stored(files), Removal::Look, stop, tell).await {
            Ok(ends) => ends.into_iter().map(unless_offered).collect(),
            Err(RemoveError::NoNode) => files.iter().map(|_| RemovalEnd::NoNode).collect(),
            Err(error) => all_failed(files.len(), error.into()),
        }
    }

    async fn remove_from(
        &self,
        leaving: &Leaving,
        files: &[Removable],
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Vec<RemovalEnd> {
        let Some(pool) = files.first().map(|file| &file.pool) else { return Vec::new() };
        let mut ends: Vec<_> = files.iter().map(|_| RemovalEnd::Changed).collect();
        let scopes = [LockScope::Files(pool.clone()).to_string()];
        let on_wait = |holder: &LockHolder| {
            tell(now(&node_of(pool), Event::Waiting { message: holder.to_string() }));
        };
        let catalogue = self.publish.catalogue;
        let lock = tokio::select! {
            lock = catalogue.wait_for_lock(&scopes, &self.by.actor, on_wait) => lock,
            () = stop.after_steps() => return all_failed(files.len(), RemovalError::Interrupted),
        };
        let lock = match lock {
            Ok(lock) => lock,
            Err(error) => return all_failed(files.len(), error.into()),
        };
        let result = tokio::select! {
            result = self.remove_locked(leaving, files, &mut ends, stop, tell) => result,
            () = lock.lost() => Err(RemovalError::LockLost),
            () = stop.now() => Err(RemovalError::Interrupted),
        };
        let released = lock.release().await.map_err(RemovalError::from);
        match result.and(released) {
            Ok(()) => ends,
            // Those that are gone are among them when they were forgotten too; the next removal says so of the others.
            Err(error) => all_failed(files.len(), error),
        }
    }

    async fn remove_locked(
        &self,
        leaving: &Leaving,
        files: &[Removable],
        ends: &mut [RemovalEnd],
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Result<(), RemovalError> {
        let Some(pool) = files.first().map(|file| &file.pool) else { return Ok(()) };
        let catalogue = self.publish.catalogue;
        let begun = catalogue.begin_removal(leaving, files, self.by).await?;
        self.publish.publish_one(pool).await?;
        let removed = self.files().run(pool, &stored(&begun), Removal::Remove, stop, tell).await?;
        for (file, removed) in begun.iter().zip(removed) {
            let end = match removed {
                FileEnd::Removed | FileEnd::Missing => {
                    catalogue.end_removal(pool, &file.file, self.by).await?;
                    RemovalEnd::Removed
                }
                FileEnd::Unused => RemovalEnd::Unused,
                FileEnd::Kept(uses) => RemovalEnd::Used(uses),
            };
            if let Some(at) = files.iter().position(|asked| asked.file == file.file) {
                ends[at] = end;
            }
        }
        Ok(())
    }

    fn files(&self) -> RemoveFiles<'_> {
        let Publish { nodes, catalogue, owner, transport, .. } = self.publish;
        RemoveFiles { nodes, catalogue, owner, transport, unrecorded: &[] }
    }
}

fn stored(files: &[Removable]) -> Vec<StoredFile> {
    let stored = |file: &Removable| StoredFile {
        file: file.file.clone(),
        size: (!file.is_damaged).then_some(file.size),
    };
    files.iter().map(stored).collect()
}

/// That the index still offers a file is no reason to keep it: it will not, before the file goes.
fn unless_offered(end: FileEnd) -> RemovalEnd {
    match end {
        FileEnd::Removed | FileEnd::Missing | FileEnd::Unused => RemovalEnd::Unused,
        FileEnd::Kept(mut uses) => {
            uses.retain(|used| used.by != FileUse::Offered);
            if uses.is_empty() { RemovalEnd::Unused } else { RemovalEnd::Used(uses) }
        }
    }
}

/// The first of a pool's files says why; of the others it is the same.
fn all_failed(files: usize, error: RemovalError) -> Vec<RemovalEnd> {
    let mut error = Some(error);
    (0..files).map(|_| error.take().map_or(RemovalEnd::Changed, RemovalEnd::Failed)).collect()
}

fn node_of(pool: &PoolKey) -> NodeName {
    pool.node.clone().unwrap_or_else(|| "".into())
}
