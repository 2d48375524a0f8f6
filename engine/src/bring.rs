//! A content is brought to pools that lack it, from the nearest pools that have it; never from its source.
//!
//! All is reckoned before anything moves: which pool gives to which, whether a file has to be converted, and whether there
//! is room. Then the pools of a grid take the file at once and pass it on to each other. Each pool's file is verified by
//! its node, then the change is recorded in the order of truth: file, index, catalogue. Whatever stops it, the next run
//! goes on with what has come.

mod plan;
mod room;
mod taker;

use std::num::NonZeroUsize;
use std::pin::Pin;

use ays_catalogue::{Catalogue, CatalogueError, Offer, ScrubCopy};
use ays_model::{Digest, DiskFormat, Event, NodeName, PoolKey, PoolOwner, Target, causes};
use ays_transport::{ConnectError, HelperError, OpenError, Session, Transport};
use futures_util::future::{join, join_all};
use tokio::sync::Semaphore;

use self::plan::{Group, Plan};
use crate::copy_check::read_copy;
use crate::delivery::ShareError;
use crate::own_pool::OwnPool;
use crate::passing::{GiverFault, LostGiver, Passing};
use crate::record::RecordError;
use crate::run_log::{Tell, now, tell_warnings};
use crate::stop::Stop;
use crate::truth::{self, TruthError};

/// Brings contents from pool to pool.
pub struct Bring<'a> {
    /// All nodes of the environment.
    pub nodes: &'a [Target],
    /// Where the copies are recorded.
    pub catalogue: &'a Catalogue,
    /// That catalogue as the owner of its pools.
    pub owner: &'a PoolOwner,
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// The most pools that take at once. Those that have taken go on giving.
    pub parallel: NonZeroUsize,
}

/// A content, and where it is to be.
#[derive(Debug, Clone)]
pub struct ToBring {
    /// What a machine that starts from it sees. Where it is known by a SHA-256 only, it can be brought in no other format
    /// than it is in.
    pub content: Digest,
    /// The verified copies of it.
    pub copies: Vec<ScrubCopy>,
    /// The pools that lack it. What a pool's files are, its setting says.
    pub pools: Vec<PoolKey>,
}

/// A file that has come into a pool: complete, verified, synced, under its final name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The pool.
    pub pool: PoolKey,
    /// The node that brought it.
    pub node: NodeName,
    /// The file's name in the pool.
    pub file: String,
    /// What the file is.
    pub format: DiskFormat,
    /// Of the file.
    pub digest: Digest,
    /// The file's length in bytes.
    pub size: u64,
    /// It was there already.
    pub kept: bool,
    /// Bytes that came from other nodes: data, no holes.
    pub received: u64,
    /// Who gave it first; none: it was there already, and nobody was asked.
    pub from: Option<NodeName>,
}

/// What comes of a change of the catalogue.
pub type Recording<'a, T> = Pin<Box<dyn Future<Output = Result<T, CatalogueError>> + Send + 'a>>;

/// How what has come is recorded. The file is in the pool by then; the index is written in between.
pub struct Recorder<'a> {
    /// What the pool will offer after `record`, without changing anything.
    pub rehearse: &'a (dyn Fn(Arrived) -> Recording<'a, Vec<Offer>> + Send + Sync),
    /// Says that the copy is verified, in one transaction.
    pub record: &'a (dyn Fn(Arrived) -> Recording<'a, ()> + Send + Sync),
}

/// What came of each pool, in the order in which they were asked for.
pub type Brought = Vec<Result<Arrived, NotBrought>>;

/// Why nothing was brought at all.
#[derive(Debug, thiserror::Error)]
pub enum BringError {
    /// Some pools have no room for it; nothing was brought to the others either.
    #[error("{}", no_rooms(.0))]
    NoRoom(Vec<NoRoom>),
    /// Nodes cannot pass bytes to each other.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The operator stopped it.
    #[error("interrupted; the next run goes on from here")]
    Interrupted,
}

/// A pool without room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// The pool.
    pub pool: PoolKey,
    /// The node that was asked.
    pub node: NodeName,
    /// Bytes.
    pub needed: u64,
    /// Bytes.
    pub free: u64,
}

fn no_rooms(rooms: &[NoRoom]) -> String {
    let of = |NoRoom { pool, node, needed, free }: &NoRoom| {
        format!("pool {} of {node}, {}: {needed} bytes are needed, {free} are free", pool.name, pool.path)
    };
    rooms.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// Why a pool does not have the content.
#[derive(Debug, thiserror::Error)]
pub enum NotBrought {
    /// The pool has another path by now, or its node is gone.
    #[error("no node has this pool any more")]
    NoNode,
    /// No node gives it: none has a good copy, or none of those can be reached.
    #[error("no node can give it: {reason}")]
    NoGiver {
        /// Why the last one did not.
        reason: String,
    },
    /// It would have to be converted, and nothing tells whether that is the same.
    #[error("it is known by its SHA-256 only, so it cannot be converted: `ays scrub` names its content")]
    Unnamed,
    /// What was made of it is another content.
    #[error("{from} was converted, and became another content: {became}")]
    Converted {
        /// The file.
        from: String,
        /// The content that it became.
        became: Digest,
    },
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The helper does not work, or could not do it.
    #[error("{node}: {source}")]
    Helper {
        /// The node.
        node: NodeName,
        /// Why.
        source: HelperError,
    },
    /// It is in the pool, and is not recorded.
    #[error("it is in the pool of {node}, and could not be recorded")]
    Record {
        /// The node.
        node: NodeName,
        /// Why.
        source: CatalogueError,
    },
    /// A removal that had begun before took it away again.
    #[error("it was in the pool of {node}, and was removed meanwhile: again")]
    Gone {
        /// The node.
        node: NodeName,
    },
    /// Another controller may be at work on the pool's files by now.
    #[error("{node}: the lock was lost: this machine stood still for too long; run it again")]
    LockLost {
        /// The node.
        node: NodeName,
    },
    /// The catalogue failed before.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The operator stopped it before this pool's turn.
    #[error("interrupted; the next run goes on from here")]
    Interrupted,
}

/// A run that is under way.
struct Work<'a, 'r> {
    bring: &'a Bring<'a>,
    what: &'a ToBring,
    recorder: &'a Recorder<'r>,
    stop: &'a Stop,
    tell: Tell<'a>,
    permits: Semaphore,
}

impl Bring<'_> {
    /// Whether all pools have room for it. One that cannot be asked is none's hindrance here.
    ///
    /// # Errors
    ///
    /// As those of [`Bring::run`].
    pub async fn check_room(&self, what: &ToBring, stop: &Stop, tell: Tell<'_>) -> Result<(), BringError> {
        // Nothing is brought, so nothing is recorded.
        let recorder = Recorder {
            rehearse: &|_| Box::pin(std::future::pending()),
            record: &|_| Box::pin(std::future::pending()),
        };
        let permits = Semaphore::new(self.parallel.get());
        let work = Work { bring: self, what, recorder: &recorder, stop, tell, permits };
        let mut groups = work.plan().groups;
        tokio::select! {
            reckoned = work.reckon(&mut groups) => reckoned.map(drop),
            () = stop.now() => Err(BringError::Interrupted),
        }
    }

    /// Brings it to all pools at once; what came of each. A pool that fails stops no other.
    ///
    /// # Errors
    ///
    /// When nothing was brought at all: there is no room, or the operator stopped it (what was recorded by then stays).
    pub async fn run(
        &self,
        what: &ToBring,
        recorder: &Recorder<'_>,
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Result<Brought, BringError> {
        let permits = Semaphore::new(self.parallel.get());
        let work = Work { bring: self, what, recorder, stop, tell, permits };
        tokio::select! {
            brought = work.run() => brought,
            () = stop.now() => Err(BringError::Interrupted),
        }
    }
}

impl Work<'_, '_> {
    async fn run(&self) -> Result<Brought, BringError> {
        let Plan { mut groups, failed } = self.plan();
        let mut ends: Vec<_> = failed.into_iter().collect();
        ends.extend(self.reckon(&mut groups).await?);
        let moving: Vec<_> = groups.iter().map(|group| Box::pin(self.pass(group))).collect();
        for ended in join_all(moving).await {
            ends.extend(ended?);
        }
        ends.sort_by_key(|(number, _)| *number);
        Ok(ends.into_iter().map(|(_, end)| end).collect())
    }

    /// Passes one file to all who take it.
    async fn pass(&self, group: &Group<'_>) -> Result<Vec<(usize, Result<Arrived, NotBrought>)>, BringError> {
        let passing = Passing::new(self.bring.transport)?;
        let places: Vec<_> = group.takers.iter().map(|_| passing.place()).collect();
        let taking = group.takers.iter().zip(places).map(|(taker, place)| {
            // Each of them is large: they are not moved about.
            Box::pin(async { (taker.number, self.take(group, &passing, taker, place).await) })
        });
        let (ends, lost) = join(join_all(taking), passing.give(&group.givers)).await;
        for lost in lost {
            self.note_lost(lost).await;
        }
        Ok(ends)
    }

    /// A giver that refused may have a bad copy: then it is offered no more.
    async fn note_lost(&self, LostGiver { giver, why }: LostGiver<'_>) {
        let name = giver.target.name();
        let why = match why {
            GiverFault::NotOpened(error) => causes(&error),
            GiverFault::Helper(error) => causes(&error),
            GiverFault::Refused(failure) => match self.judge(&giver).await {
                Ok(()) => failure.to_string(),
                Err(said) => format!("{failure}; {said}"),
            },
        };
        let message = format!("{name} could not pass on {}: {why}", giver.copy.file);
        (self.tell)(now(name, Event::Warning { message }));
    }

    async fn judge(&self, giver: &crate::passing::Giver<'_>) -> Result<(), String> {
        let Session { mut helper, connection: _connection } =
            Session::open(giver.target, self.bring.transport).await.map_err(|error| causes(&error))?;
        let judging = async {
            let read = read_copy(&mut helper, giver.copy, None, |_| {}).await;
            let Err(fault) = read.map_err(|error| causes(&error))? else { return Ok(()) };
            let own = self.own(&giver.copy.pool, giver.target);
            let bad = self.bring.catalogue.set_bad(giver.copy);
            truth::withdraw(&mut helper, own, bad).await.map_err(|error| causes(&error))?;
            Err(format!("its copy is {fault}, and is offered no more"))
        };
        let judged = judging.await;
        tell_warnings(self.tell, giver.target.name(), &mut helper.warnings);
        helper.close().await;
        judged
    }

    fn own<'p>(&'p self, key: &'p PoolKey, target: &'p Target) -> OwnPool<'p> {
        let Bring { owner, catalogue, .. } = self.bring;
        OwnPool { key, node: target.name(), owner, catalogue }
    }
}

fn not_opened(target: &Target) -> impl Fn(OpenError) -> NotBrought {
    let failed = failed(target);
    move |error| match error {
        OpenError::Connect(error) => error.into(),
        OpenError::Helper(source) => failed(source),
    }
}

fn failed(target: &Target) -> impl Fn(HelperError) -> NotBrought {
    let node = target.name().clone();
    move |source| NotBrought::Helper { node: node.clone(), source }
}

fn not_recorded(target: &Target) -> impl Fn(RecordError) -> NotBrought {
    let (node, failed) = (target.name().clone(), failed(target));
    move |error| match error {
        RecordError::Gone => NotBrought::Gone { node: node.clone() },
        RecordError::LockLost => NotBrought::LockLost { node: node.clone() },
        RecordError::Catalogue(source) | RecordError::Truth(TruthError::Catalogue(source)) => {
            NotBrought::Record { node: node.clone(), source }
        }
        RecordError::Helper(source) | RecordError::Truth(TruthError::Helper(source)) => failed(source),
        RecordError::Truth(TruthError::OnPurpose(error)) => failed(error.into()),
    }
}
