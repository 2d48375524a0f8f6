//! A change of the catalogue that is true in the indexes of many pools at once.
//!
//! The order of truth is that of `truth.rs`, over all pools together. More is offered: each index is written as the
//! catalogue will say, then the catalogue, in one transaction, then each index as the catalogue says by then. Less is
//! offered: the catalogue first. A pool that cannot be reached holds nobody up: it is named, and whoever writes its index
//! next (the same command again, an install) writes what the catalogue says.

use std::num::NonZeroUsize;

use ays_catalogue::{Catalogue, CatalogueError, Change, Changed, ChangedBy, Offer};
use ays_model::{NodeName, PoolKey, PoolOwner, Target};
use ays_transport::{ConnectError, HelperError, OpenError, Session, Transport};
use futures_util::{StreamExt, stream};

use crate::index::{self, IndexError};
use crate::own_pool::OwnPool;
use crate::run_log::{Tell, tell_warnings};
use crate::stop::Stop;

/// Writes the indexes of pools.
pub struct Publish<'a> {
    /// All nodes of the environment: those of a pool write its index.
    pub nodes: &'a [Target],
    /// What the indexes say.
    pub catalogue: &'a Catalogue,
    /// That catalogue as the owner of its pools.
    pub owner: &'a PoolOwner,
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// The most pools that are written at once.
    pub parallel: NonZeroUsize,
    /// Who is told what went wrong beside an index that was written.
    pub tell: Tell<'a>,
}

/// Whether a change lets stacks offer something that they did not offer before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// They offer more, or another generation.
    More,
    /// They only offer less.
    Less,
}

/// A change that is recorded.
#[derive(Debug)]
pub struct Published {
    /// What it came to.
    pub changed: Changed,
    /// The pools whose indexes are not written.
    pub failed: Vec<NotPublished>,
}

/// A pool whose index is not written.
#[derive(Debug)]
pub struct NotPublished {
    /// The pool.
    pub pool: PoolKey,
    /// Why not.
    pub why: PublishError,
}

/// Why an index is not written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The pool has another path by now, or its node is gone.
    #[error("no node has this pool any more")]
    NoNode,
    /// There is no connection.
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

/// A pool that is reached by one of its nodes.
struct Reached<'a> {
    target: &'a Target,
    session: Session,
}

impl Publish<'_> {
    /// Makes the change, and writes the indexes that it makes different.
    ///
    /// # Errors
    ///
    /// The change cannot be made, or the operator stopped it before it was: then nothing is recorded.
    pub async fn change(
        &self,
        change: Change,
        by: &ChangedBy,
        direction: Direction,
        stop: &Stop,
    ) -> Result<Published, PublishError> {
        if direction == Direction::Less {
            let changed = self.catalogue.change(change, by).await?;
            let failed = self.publish(&changed.pools, stop).await;
            return Ok(Published { changed, failed });
        }
        let previews = self.catalogue.preview(change.clone(), by).await?;
        // With many pools, what was reached once is reached again: not all connections are kept open.
        let is_kept = previews.len() <= self.parallel.get();
        let writing: Vec<_> = previews
            .into_iter()
            .map(|(pool, offers)| async move {
                let reached = self.write(&pool, &offers).await;
                if is_kept {
                    return (pool, reached.map(Some));
                }
                match reached {
                    Ok(reached) => {
                        reached.session.close().await;
                        (pool, Ok(None))
                    }
                    Err(error) => (pool, Err(error)),
                }
            })
            .collect();
        let writing = stream::iter(writing).buffer_unordered(self.parallel.get()).collect::<Vec<_>>();
        let written = tokio::select! {
            written = writing => written,
            () = stop.now() => return Err(PublishError::Interrupted),
        };
        let recorded = self.catalogue.change(change, by).await;
        // Also when it was not recorded: then they say again what the catalogue says.
        let publishing: Vec<_> = written
            .into_iter()
            .map(|(pool, reached)| {
                let of = pool.clone();
                let publishing = async move {
                    match reached {
                        Ok(Some(reached)) => self.publish_on(&pool, reached).await,
                        Ok(None) => self.publish_one(&pool).await,
                        Err(error) => Err(error),
                    }
                };
                (of, publishing)
            })
            .collect();
        let failed = self.all(publishing, stop).await;
        Ok(Published { changed: recorded?, failed })
    }

    /// Makes the indexes of these pools what the catalogue says; those that were not reached.
    pub async fn publish(&self, pools: &[PoolKey], stop: &Stop) -> Vec<NotPublished> {
        let publishing: Vec<_> = pools.iter().map(|pool| (pool.clone(), self.publish_one(pool))).collect();
        self.all(publishing, stop).await
    }

    /// Waits for all of them; a pool that was under way when the operator stopped it is among those that failed.
    async fn all<F>(&self, publishing: Vec<(PoolKey, F)>, stop: &Stop) -> Vec<NotPublished>
    where
        F: Future<Output = Result<(), PublishError>>,
    {
        let publishing: Vec<_> = publishing
            .into_iter()
            .map(|(pool, publishing)| async move {
                let result = tokio::select! {
                    result = publishing => result,
                    () = stop.now() => Err(PublishError::Interrupted),
                };
                result.err().map(|why| NotPublished { pool, why })
            })
            .collect();
        let done: Vec<_> = stream::iter(publishing).buffer_unordered(self.parallel.get()).collect().await;
        let mut failed: Vec<_> = done.into_iter().flatten().collect();
        failed.sort_by(|one, other| {
            (&one.pool.name, &one.pool.node).cmp(&(&other.pool.name, &other.pool.node))
        });
        failed
    }

    pub(crate) async fn publish_one(&self, pool: &PoolKey) -> Result<(), PublishError> {
        let reached = self.reach(pool).await?;
        self.publish_on(pool, reached).await
    }

    async fn publish_on(&self, pool: &PoolKey, mut reached: Reached<'_>) -> Result<(), PublishError> {
        let own = self.own(pool, reached.target);
        let published = index::publish(&mut reached.session.helper, own).await;
        tell_warnings(self.tell, reached.target.name(), &mut reached.session.helper.warnings);
        reached.session.close().await;
        published.map(drop).map_err(failed(reached.target))
    }

    /// Writes what the catalogue will say.
    async fn write(&self, pool: &PoolKey, offers: &[Offer]) -> Result<Reached<'_>, PublishError> {
        let mut reached = self.reach(pool).await?;
        let own = self.own(pool, reached.target);
        let written = index::write(&mut reached.session.helper, own, offers).await;
        tell_warnings(self.tell, reached.target.name(), &mut reached.session.helper.warnings);
        match written {
            Ok(_) => Ok(reached),
            Err(error) => {
                reached.session.close().await;
                Err(failed(reached.target)(error))
            }
        }
    }

    /// The first of a pool's nodes that works.
    async fn reach(&self, pool: &PoolKey) -> Result<Reached<'_>, PublishError> {
        let mut why = PublishError::NoNode;
        for target in self.nodes.iter().filter(|target| target.pool_key() == *pool) {
            match Session::open(target, self.transport).await {
                Ok(session) => return Ok(Reached { target, session }),
                Err(OpenError::Connect(error)) => why = error.into(),
                Err(OpenError::Helper(source)) => {
                    why = PublishError::Helper { node: target.name().clone(), source };
                }
            }
        }
        Err(why)
    }

    fn own<'p>(&'p self, key: &'p PoolKey, target: &'p Target) -> OwnPool<'p> {
        OwnPool { key, node: target.name(), owner: self.owner, catalogue: self.catalogue }
    }
}

fn failed(target: &Target) -> impl Fn(IndexError) -> PublishError {
    let node = target.name().clone();
    move |error| match error {
        IndexError::Catalogue(error) => error.into(),
        IndexError::Helper(source) => PublishError::Helper { node: node.clone(), source },
    }
}
