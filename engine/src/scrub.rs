//! Scrubbing: every copy is read again on its node, and the record says what came of it.
//!
//! No lock is needed beside a running install. Whatever either writes, it writes beside and renames, and a stored file's
//! name holds its hash; a copy that an install brought anew while its old bytes were read is left as the install
//! recorded it; and whoever writes a pool's index last has seen all records.

mod heal;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use ays_catalogue::{Catalogue, CatalogueError, PoolKey, ScrubCopy, Timestamp};
use ays_model::{Digest, UrlError};
use ays_protocol::{CheckCopy, CopyState, Failure, NamedCopy, Outcome, Progress, ReadCopy, Step};
use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

pub use self::heal::NotHealed;
use crate::delivery::ShareError;
use crate::stacks::pool_key;
use crate::stop::Stop;
use crate::truth::{self, TruthError};
use ays_model::Target;
use ays_transport::{ConnectError, Connection, Helper, HelperError, OpenError, Session, Transport};

/// A scrub of copies, on many nodes at once.
pub struct Scrub<'a> {
    /// All nodes of the environment: those that have the copies, and those that good ones are brought from.
    pub nodes: &'a [Target],
    /// The names of those that read; empty: all.
    pub on: &'a [String],
    /// Where the copies are recorded.
    pub catalogue: &'a Catalogue,
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// The most bytes a second that are read in a pool.
    pub rate: Option<NonZeroU64>,
    /// What becomes of copies that are not good.
    pub bad: Bad,
    /// The most pools that are read at once.
    pub parallel: NonZeroUsize,
}

/// What becomes of a copy that is not good. In any case it is recorded as damaged, and offered no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// No more than that.
    Marked,
    /// It is brought again from a node that has a good one.
    Healed,
}

/// What a scrub tells while it works.
#[derive(Debug)]
pub enum Told<'a> {
    /// How far a node has come with a copy.
    Progress {
        /// The node.
        node: &'a str,
        /// The copy.
        copy: &'a ScrubCopy,
        /// How far.
        progress: Progress,
    },
    /// A copy was read.
    Read {
        /// By this node.
        node: &'a str,
        /// The copy.
        copy: &'a ScrubCopy,
        /// What it is.
        found: &'a Found,
    },
    /// Copies of one pool were not read; their records stay as they were.
    Unread {
        /// The copies.
        copies: &'a [ScrubCopy],
        /// Why not.
        why: &'a ScrubError,
    },
}

/// What a copy was found to be.
#[derive(Debug)]
pub enum Found {
    /// As it should be.
    Good,
    /// It was not, and is again.
    Healed {
        /// What it was.
        fault: Fault,
        /// The node that it was brought from.
        from: String,
    },
    /// It is not.
    Bad {
        /// What it is.
        fault: Fault,
        /// Why it was not healed; none: nobody asked for it.
        not_healed: Option<NotHealed>,
    },
}

/// What is wrong with a copy.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such file.
    #[error("missing")]
    Missing,
    /// It has other bytes.
    #[error("damaged")]
    Damaged,
    /// It cannot be read to its end.
    #[error("unreadable")]
    Unreadable(#[source] Failure),
}

/// Why copies were not read.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// The pool has another path by now, or its node is gone.
    #[error("no node has this pool any more")]
    NoNode,
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The helper does not work, or no longer does.
    #[error("{node}: {source}")]
    Helper {
        /// The node.
        node: String,
        /// Why.
        source: HelperError,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Nodes cannot pass bytes to each other.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The file has no address.
    #[error(transparent)]
    Address(#[from] UrlError),
    /// The operator stopped it.
    #[error("interrupted; the next scrub begins with these")]
    Interrupted,
}

impl Scrub<'_> {
    /// Of these copies those that the chosen nodes have.
    pub fn chosen(&self, mut copies: Vec<ScrubCopy>) -> Vec<ScrubCopy> {
        copies.retain(|ScrubCopy { pool, .. }| {
            let is_owner = pool.node.as_ref().is_some_and(|node| self.on.contains(node));
            self.on.is_empty() || is_owner || self.readers(pool).next().is_some()
        });
        copies
    }

    /// Reads all of `copies`: those of a pool one after another, in their order.
    pub async fn run(&self, copies: Vec<ScrubCopy>, stop: &Stop, tell: &dyn Fn(Told<'_>)) {
        let work = Work { scrub: self, stop, tell, healing: Mutex::default() };
        let pools: Vec<_> = copies.chunk_by(|one, other| one.pool == other.pool).collect();
        let reading = stream::iter(pools).map(|copies| work.pool(copies));
        reading.buffer_unordered(self.parallel.get()).collect::<()>().await;
    }

    /// The nodes that have a pool.
    fn nodes_of(&self, pool: &PoolKey) -> impl Iterator<Item = &Target> {
        self.nodes.iter().filter(move |target| pool_key(target) == *pool)
    }

    /// Those of them that read it.
    fn readers(&self, pool: &PoolKey) -> impl Iterator<Item = &Target> {
        let is_chosen =
            |target: &&Target| self.on.is_empty() || self.on.iter().any(|name| name == target.name());
        self.nodes_of(pool).filter(is_chosen)
    }
}

/// A scrub that is under way.
struct Work<'a> {
    scrub: &'a Scrub<'a>,
    stop: &'a Stop,
    tell: &'a dyn Fn(Told<'_>),
    /// One at a time: a node passes a file on to one other.
    healing: Mutex<()>,
}

/// A node with a helper.
struct Reached<'a> {
    target: &'a Target,
    connection: Connection,
    helper: Helper,
}

impl Work<'_> {
    /// Reads copies of one pool: on the first of its nodes that works.
    async fn pool(&self, mut left: &[ScrubCopy]) {
        let Some(ScrubCopy { pool, .. }) = left.first() else { return };
        let mut why = ScrubError::NoNode;
        for target in self.scrub.readers(pool) {
            match self.on_node(target, &mut left).await {
                Ok(()) => return,
                Err(error) => why = error,
            }
        }
        if self.stop.is_wanted() {
            why = ScrubError::Interrupted;
        }
        (self.tell)(Told::Unread { copies: left, why: &why });
    }

    /// Reads what is left on one node.
    async fn on_node(&self, target: &Target, left: &mut &[ScrubCopy]) -> Result<(), ScrubError> {
        let mut node = self.open(target).await?;
        let reading = async {
            while let [copy, rest @ ..] = *left {
                if self.stop.is_wanted() {
                    return Err(ScrubError::Interrupted);
                }
                let found = self.look_after(&mut node, copy).await?;
                (self.tell)(Told::Read { node: target.name(), copy, found: &found });
                *left = rest;
            }
            Ok(())
        };
        let result = tokio::select! {
            result = reading => result,
            () = self.stop.now() => Err(ScrubError::Interrupted),
        };
        node.helper.close().await;
        result
    }

    async fn open<'t>(&self, target: &'t Target) -> Result<Reached<'t>, ScrubError> {
        let opening = async {
            let opened = Session::open(target, self.scrub.transport).await;
            let Session { helper, connection } = opened.map_err(|error| match error {
                OpenError::Connect(error) => error.into(),
                OpenError::Helper(source) => lost(target)(source),
            })?;
            Ok(Reached { target, connection, helper })
        };
        tokio::select! {
            opened = opening => opened,
            () = self.stop.after_steps() => Err(ScrubError::Interrupted),
        }
    }

    async fn look_after(&self, node: &mut Reached<'_>, copy: &ScrubCopy) -> Result<Found, ScrubError> {
        let Some(fault) = self.check(node, copy).await? else { return Ok(Found::Good) };
        Ok(match self.scrub.bad {
            Bad::Marked => Found::Bad { fault, not_healed: None },
            Bad::Healed => match self.heal(node, copy).await? {
                Ok(from) => Found::Healed { fault, from },
                Err(why) => Found::Bad { fault, not_healed: Some(why) },
            },
        })
    }

    /// Reads a copy and records what it is; what is wrong with it.
    async fn check(&self, node: &mut Reached<'_>, copy: &ScrubCopy) -> Result<Option<Fault>, ScrubError> {
        let name = node.target.name();
        let check = CheckCopy {
            path: path(copy),
            size: copy.size,
            read: Some(ReadCopy { format: copy.format, expected: copy.digest }),
            rate: self.scrub.rate,
        };
        let on_progress = |progress| (self.tell)(Told::Progress { node: name, copy, progress });
        let fault = match node.helper.run(Step::CheckCopy(check), on_progress).await {
            Ok(Outcome::Checked(checked)) => match checked.state {
                CopyState::Good => {
                    return self.record_good(node, copy, checked.named).await.map(|()| None);
                }
                CopyState::Missing => Fault::Missing,
                CopyState::Damaged => Fault::Damaged,
            },
            // A sector that the disk does not give back any more, for one.
            Err(HelperError::Failed(failure)) => Fault::Unreadable(failure),
            Ok(_) => return Err(lost(node.target)(HelperError::Answer)),
            Err(source) => return Err(lost(node.target)(source)),
        };
        let catalogue = self.scrub.catalogue;
        let bad = truth::withdraw(&mut node.helper, &copy.pool, catalogue, catalogue.set_bad(copy)).await;
        // Where it is not recorded as bad, an install has brought it anew meanwhile, and verified it.
        Ok(bad.map_err(not_true(node.target))?.then_some(fault))
    }

    async fn record_good(
        &self,
        node: &mut Reached<'_>,
        copy: &ScrubCopy,
        named: Option<NamedCopy>,
    ) -> Result<(), ScrubError> {
        let (catalogue, now) = (self.scrub.catalogue, Timestamp::now());
        let names = named.map(|named| (Digest::FsVerity(named.content), named.digest));
        let recorded = truth::offer(
            &mut node.helper,
            &copy.pool,
            catalogue,
            catalogue.rehearse_scrubbed(copy, names, &now),
            catalogue.set_scrubbed(copy, names, &now),
        );
        recorded.await.map(drop).map_err(not_true(node.target))
    }
}

fn not_true(target: &Target) -> impl Fn(TruthError) -> ScrubError {
    let lost = lost(target);
    move |error| match error {
        TruthError::Catalogue(error) => error.into(),
        TruthError::Helper(source) => lost(source),
        TruthError::OnPurpose(error) => lost(error.into()),
    }
}

fn path(copy: &ScrubCopy) -> PathBuf {
    PathBuf::from(&copy.pool.path).join(&copy.file)
}

fn lost(target: &Target) -> impl Fn(HelperError) -> ScrubError {
    let node = target.name().to_owned();
    move |source| ScrubError::Helper { node: node.clone(), source }
}
