//! Scrubbing: every copy is read again on its node, and the record says what came of it.
//!
//! No lock is needed beside a running install. Whatever either writes, it writes beside and renames, and a stored file's
//! name holds its hash; a copy that an install brought anew while its old bytes were read is left as the install
//! recorded it; and whoever writes a pool's index last has seen all records.

mod heal;

use std::num::{NonZeroU64, NonZeroUsize};

use ays_catalogue::{Catalogue, CatalogueError, ScrubCopy, Timestamp};
use ays_model::{
    CopyReport, CopyVerdict, Digest, Event, NodeName, PoolKey, PoolOwner, Progress, StepName, Target, causes,
};
use ays_protocol::{NamedCopy, Outcome, Step};
use ays_transport::{ConnectError, Connection, Helper, HelperError, OpenError, Session, Transport};
use futures_util::{StreamExt, stream};

pub use self::heal::NotHealed;
use crate::copy_check::{Fault, path, read_copy};
use crate::delivery::ShareError;
use crate::own_pool::OwnPool;
use crate::run_log::{Tell, now, tell_warnings};
use crate::stop::Stop;
use crate::truth::{self, TruthError};

/// A scrub of copies, on many nodes at once.
pub struct Scrub<'a> {
    /// All nodes of the environment: those that have the copies, and those that good ones are brought from.
    pub nodes: &'a [Target],
    /// The names of those that read; empty: all.
    pub on: &'a [NodeName],
    /// Where the copies are recorded.
    pub catalogue: &'a Catalogue,
    /// That catalogue as the owner of its pools; those that have another one by now are not read.
    pub owner: &'a PoolOwner,
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

/// What a copy was found to be.
#[derive(Debug)]
enum Found {
    /// As it should be.
    Good,
    /// It was not, and is again.
    Healed {
        /// What it was.
        fault: Fault,
        /// The node that it was brought from.
        from: NodeName,
    },
    /// It is not.
    Bad {
        /// What it is.
        fault: Fault,
        /// Why it was not healed; none: nobody asked for it.
        not_healed: Option<NotHealed>,
    },
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
        node: NodeName,
        /// Why.
        source: HelperError,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Nodes cannot pass bytes to each other.
    #[error(transparent)]
    Share(#[from] ShareError),
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
    pub async fn run(&self, copies: Vec<ScrubCopy>, stop: &Stop, tell: Tell<'_>) {
        let bytes = copies.iter().map(|copy| copy.size).sum();
        tell(now(&"".into(), Event::ScrubStarted { copies: copies.len(), bytes }));
        let work = Work { scrub: self, stop, tell };
        let pools: Vec<_> = copies.chunk_by(|one, other| one.pool == other.pool).collect();
        let reading: Vec<_> = pools.into_iter().map(|copies| work.pool(copies)).collect();
        stream::iter(reading).buffer_unordered(self.parallel.get()).collect::<()>().await;
    }

    /// The nodes that have a pool.
    fn nodes_of(&self, pool: &PoolKey) -> impl Iterator<Item = &Target> {
        self.nodes.iter().filter(move |target| target.pool_key() == *pool)
    }

    /// Those of them that read it.
    fn readers(&self, pool: &PoolKey) -> impl Iterator<Item = &Target> {
        let is_chosen = |target: &&Target| self.on.is_empty() || self.on.contains(target.name());
        self.nodes_of(pool).filter(is_chosen)
    }
}

/// A scrub that is under way.
struct Work<'a> {
    scrub: &'a Scrub<'a>,
    stop: &'a Stop,
    tell: Tell<'a>,
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
        self.tell_unread(left, &why);
    }

    /// Copies of one pool were not read; their records stay as they were.
    fn tell_unread(&self, left: &[ScrubCopy], why: &ScrubError) {
        let Some(PoolKey { name, node, path, .. }) = left.first().map(|copy| &copy.pool) else { return };
        let on = node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
        let copies = if left.len() == 1 { "1 copy".to_owned() } else { format!("{} copies", left.len()) };
        let why = causes(why);
        let message = format!("pool {name}{on}, {path}: {copies} not read: {why}");
        let node = node.clone().unwrap_or_else(|| "".into());
        (self.tell)(now(&node, Event::Warning { message }));
        for copy in left {
            let report = CopyReport { reason: Some(why.clone()), ..unread(copy) };
            (self.tell)(now(&node, Event::CopyChecked(Box::new(report))));
        }
    }

    /// A copy was read by this node.
    fn tell_read(&self, node: &NodeName, copy: &ScrubCopy, found: Found) {
        let unread = CopyReport { node: Some(node.clone()), ..unread(copy) };
        let report = match found {
            Found::Good => CopyReport { result: CopyVerdict::Good, ..unread },
            Found::Healed { fault, from } => CopyReport {
                result: CopyVerdict::Healed,
                from: Some(from),
                reason: Some(causes(&fault)),
                ..unread
            },
            Found::Bad { fault, not_healed } => {
                let mut reason = causes(&fault);
                if let Some(why) = &not_healed {
                    reason = format!("{reason}, not healed: {}", causes(why));
                }
                let is_source_needed = matches!(not_healed, Some(NotHealed::NoGoodCopy));
                let brought_by = is_source_needed.then(|| copy.template.clone());
                CopyReport { result: fault.verdict(), reason: Some(reason), brought_by, ..unread }
            }
        };
        let result = report.result.to_string();
        (self.tell)(now(node, Event::StepDone { step: StepName::Scrub, result }));
        (self.tell)(now(node, Event::CopyChecked(Box::new(report))));
    }

    /// Reads what is left on one node.
    async fn on_node(&self, target: &Target, left: &mut &[ScrubCopy]) -> Result<(), ScrubError> {
        let mut node = self.open(target).await?;
        let reading = async {
            self.check_owner(&mut node).await?;
            while let [copy, rest @ ..] = *left {
                if self.stop.is_wanted() {
                    return Err(ScrubError::Interrupted);
                }
                let what = path(copy).display().to_string();
                (self.tell)(now(target.name(), Event::StepStarted { step: StepName::Scrub, what }));
                let found = self.look_after(&mut node, copy).await?;
                self.tell_read(target.name(), copy, found);
                *left = rest;
            }
            Ok(())
        };
        let result = tokio::select! {
            result = reading => result,
            () = self.stop.now() => Err(ScrubError::Interrupted),
        };
        tell_warnings(self.tell, target.name(), &mut node.helper.warnings);
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

    /// A pool of another catalogue is left alone.
    async fn check_owner(&self, node: &mut Reached<'_>) -> Result<(), ScrubError> {
        let key = node.target.pool_key();
        let claim = self.own(&key, node.target).claim().await?;
        match node.helper.run(Step::CheckOwner(claim), |_| {}).await {
            Ok(Outcome::Ready) => Ok(()),
            Ok(_) => Err(lost(node.target)(HelperError::Answer)),
            Err(source) => Err(lost(node.target)(source)),
        }
    }

    fn own<'p>(&'p self, key: &'p PoolKey, target: &'p Target) -> OwnPool<'p> {
        let Scrub { owner, catalogue, .. } = self.scrub;
        OwnPool { key, node: target.name(), owner, catalogue }
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
        let on_progress = self.on_progress(node.target.name());
        let read = read_copy(&mut node.helper, copy, self.scrub.rate, on_progress).await;
        let fault = match read.map_err(lost(node.target))? {
            Ok(named) => return self.record_good(node, copy, named).await.map(|()| None),
            Err(fault) => fault,
        };
        let own = self.own(&copy.pool, node.target);
        let bad = truth::withdraw(&mut node.helper, own, own.catalogue.set_bad(copy)).await;
        // Where it is not recorded as bad, an install has brought it anew meanwhile, and verified it.
        Ok(bad.map_err(not_true(node.target))?.then_some(fault))
    }

    fn on_progress(&self, node: &NodeName) -> impl FnMut(Progress) {
        move |progress| (self.tell)(now(node, Event::StepProgress { step: StepName::Scrub, progress }))
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
            self.own(&copy.pool, node.target),
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

/// What is said of a copy that nobody has read.
fn unread(copy: &ScrubCopy) -> CopyReport {
    let ScrubCopy { pool, file, digest, size, images, .. } = copy.clone();
    let result = CopyVerdict::Unread;
    CopyReport {
        pool,
        file,
        digest,
        size,
        images,
        node: None,
        result,
        from: None,
        reason: None,
        brought_by: None,
    }
}

fn lost(target: &Target) -> impl Fn(HelperError) -> ScrubError {
    let node = target.name().clone();
    move |source| ScrubError::Helper { node: node.clone(), source }
}
