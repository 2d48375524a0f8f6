//! Stored files are removed from a pool, unless something on one of its nodes uses them.
//!
//! The catalogue says before that they are not offered, and forgets them after; whoever calls this does that.

use std::path::PathBuf;

use ays_catalogue::{Catalogue, CatalogueError};
use ays_model::{Event, NodeName, PoolKey, PoolOwner, Target};
use ays_protocol::{Outcome, Removal, RemoveCopies, RemovedCopies, RemovedCopy, Step, StoredFile};
use ays_transport::{ConnectError, HelperError, OpenError, Session, Transport};
use futures_util::future::join_all;

use crate::in_use::InUse;
use crate::own_pool::OwnPool;
use crate::run_log::{Tell, now};
use crate::stop::Stop;

/// Removes stored files from pools.
pub struct RemoveFiles<'a> {
    /// All nodes of the environment: those of a pool are asked.
    pub nodes: &'a [Target],
    /// Where the copies are recorded.
    pub catalogue: &'a Catalogue,
    /// That catalogue as the owner of its pools.
    pub owner: &'a PoolOwner,
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// Files that the catalogue does not know, and that may go all the same.
    pub unrecorded: &'a [String],
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEnd {
    /// It is gone.
    Removed,
    /// It was not there.
    Missing,
    /// Nothing uses it, and nobody asked for more than that.
    Unused,
    /// It is still there: this uses it.
    Kept(Vec<InUse>),
}

/// Why nothing was removed from a pool.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The pool has another path by now, or its node is gone.
    #[error("no node has this pool any more")]
    NoNode,
    /// There is no connection. Every node that shares a pool is needed: its machines may use the files.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The helper does not work, or refused.
    #[error("{node}: {source}")]
    Helper {
        /// The node.
        node: NodeName,
        /// Why.
        source: HelperError,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The operator stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl RemoveFiles<'_> {
    /// Removes from `pool` those of `files` that nothing uses, or only looks; what became of each, in their order. The
    /// files must be known to the catalogue or `unrecorded`, and offered no more. All nodes of the pool are asked first, then one of
    /// them removes.
    ///
    /// # Errors
    ///
    /// When not all nodes of the pool can say what uses the files; then none was removed, unless the connection broke
    /// while the first node removed them. It can be done again at any time.
    pub async fn run(
        &self,
        pool: &PoolKey,
        files: &[StoredFile],
        removal: Removal,
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Result<Vec<FileEnd>, RemoveError> {
        let nodes: Vec<_> = self.nodes.iter().filter(|target| target.pool_key() == *pool).collect();
        let Some(first) = nodes.first() else { return Err(RemoveError::NoNode) };
        let work = async {
            let mut ends = vec![FileEnd::Missing; files.len()];
            // A node that has the pool alone looks again when it removes.
            if nodes.len() > 1 || removal == Removal::Look {
                let looks = nodes.iter().map(|target| self.ask(target, pool, files, Removal::Look, tell));
                for (target, looked) in nodes.iter().zip(join_all(looks).await) {
                    note(&mut ends, target.name(), pool, files, looked?);
                }
            }
            if removal == Removal::Look {
                return Ok(ends);
            }
            let is_kept = |end: &FileEnd| matches!(end, FileEnd::Kept(_));
            let (left, free): (Vec<_>, Vec<_>) = (0..files.len())
                .filter(|number| !is_kept(&ends[*number]))
                .map(|number| (number, files[number].clone()))
                .unzip();
            if !free.is_empty() {
                let removed = self.ask(first, pool, &free, Removal::Remove, tell).await?;
                let mut now = vec![FileEnd::Missing; free.len()];
                note(&mut now, first.name(), pool, &free, removed);
                for (number, end) in left.into_iter().zip(now) {
                    ends[number] = end;
                }
            }
            Ok(ends)
        };
        tokio::select! {
            ends = work => ends,
            () = stop.now() => Err(RemoveError::Interrupted),
        }
    }

    async fn ask(
        &self,
        target: &Target,
        pool: &PoolKey,
        files: &[StoredFile],
        removal: Removal,
        tell: Tell<'_>,
    ) -> Result<RemovedCopies, RemoveError> {
        let failed = |source| RemoveError::Helper { node: target.name().clone(), source };
        let own = OwnPool { key: pool, node: target.name(), owner: self.owner, catalogue: self.catalogue };
        let (mut claim, users) = (own.claim().await?, target.pool().users.clone());
        claim.known.extend(self.unrecorded.iter().cloned());
        let opened = Session::open(target, self.transport).await;
        let Session { mut helper, connection: _connection } = opened.map_err(|error| match error {
            OpenError::Connect(error) => error.into(),
            OpenError::Helper(source) => failed(source),
        })?;
        let order = RemoveCopies { claim, files: files.to_vec(), users, removal };
        let result = helper.run(Step::RemoveCopies(order), |_| {}).await;
        helper.close().await;
        let answer = match result {
            Ok(Outcome::RemovedCopies(answer)) if answer.files.len() == files.len() => answer,
            Ok(_) => return Err(failed(HelperError::Answer)),
            Err(source) => return Err(failed(source)),
        };
        if answer.unseen > 0 {
            let message = format!(
                "{} processes could not be looked at: only root sees whether they have a file open",
                answer.unseen
            );
            tell(now(target.name(), Event::Warning { message }));
        }
        if let Some(not) = &answer.not_refreshed {
            let message = format!("pool {}: {not}", pool.name);
            tell(now(target.name(), Event::Warning { message }));
        }
        Ok(answer)
    }
}

/// Adds what a node says to what others said: what one of them finds used stays.
fn note(ends: &mut [FileEnd], node: &NodeName, pool: &PoolKey, files: &[StoredFile], said: RemovedCopies) {
    for ((end, file), said) in ends.iter_mut().zip(files).zip(said.files) {
        let path = PathBuf::from(&pool.path).join(&file.file);
        let said = match said {
            RemovedCopy::Removed => FileEnd::Removed,
            RemovedCopy::Missing => FileEnd::Missing,
            RemovedCopy::Unused => FileEnd::Unused,
            RemovedCopy::Kept(uses) => {
                let used = |by| InUse { node: node.clone(), path: path.clone(), by };
                FileEnd::Kept(uses.into_iter().map(used).collect())
            }
        };
        match (&mut *end, said) {
            (FileEnd::Kept(uses), FileEnd::Kept(more)) => uses.extend(more),
            (FileEnd::Kept(_), _) | (_, FileEnd::Missing) => {}
            (end, said) => *end = said,
        }
    }
}
