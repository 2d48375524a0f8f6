//! What the catalogue says of pools is held against what lies there. No image's bytes are read: that is a scrub.
//!
//! What is looked at while others work may be half-way: the record is read before and after, and what is on its way is
//! judged only while nobody holds a lock that says so. What is mended is looked at again under the lock of the pool's files.

mod mend;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use ays_catalogue::{Catalogue, CatalogueError, ChangedBy, LockHolder, PoolRecord};
use ays_model::{Event, LockScope, NodeName, PoolKey, PoolOwner, Target, causes};
use ays_protocol::{ListPool, Outcome, PoolListing, Step};
use ays_transport::{ConnectError, Helper, HelperError, OpenError, Session, Transport};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use self::mend::Mend;
use crate::compare_pool::Compared;
use crate::own_pool::OwnPool;
use crate::pool_fault::PoolFault;
use crate::record::lock_files;
use crate::run_log::{Tell, now, tell_warnings};
use crate::stop::Stop;

/// A check of pools.
pub struct CheckPools<'a> {
    /// All nodes of the environment: those of a pool are asked.
    pub nodes: &'a [Target],
    /// What the pools should hold.
    pub catalogue: &'a Catalogue,
    /// That catalogue as the owner of its pools.
    pub owner: &'a PoolOwner,
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// The most pools that are looked at once.
    pub parallel: NonZeroUsize,
    /// What becomes of what is found.
    pub found: Found<'a>,
}

/// What becomes of what is found.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// It is told, and nothing is changed.
    Told,
    /// What is safe to mend is mended, by this one.
    Mended(&'a ChangedBy),
}

/// What a check of a pool found.
#[derive(Debug)]
pub struct CheckedPool {
    /// The pool.
    pub pool: PoolKey,
    /// The node that showed it; none where no node could.
    pub node: Option<NodeName>,
    /// The nodes that were asked and could not show it, and why not.
    pub unreached: Vec<(NodeName, String)>,
    /// What is not as it should be, and what came of it.
    pub faults: Vec<(PoolFault, Mended)>,
    /// How many files are recorded in it.
    pub recorded: usize,
    /// How many files are there that have nothing to do with the catalogue, such as machines' disks.
    pub others: u64,
    /// Who brings or removes files now, so that what is on its way was not judged.
    pub at_work: Vec<LockHolder>,
}

/// What came of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mended {
    /// Nobody asked for it.
    NotAsked,
    /// It is mended: what was done.
    Done(String),
    /// It is as it was: why.
    Not(String),
}

/// Why a pool could not be looked at by a node.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Helper(#[from] HelperError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("the lock was lost: this machine stood still for too long; run it again")]
    LockLost,
    #[error("interrupted")]
    Interrupted,
}

/// A pool as it was looked at.
struct Looked {
    record: PoolRecord,
    listing: PoolListing,
    faults: Vec<PoolFault>,
    at_work: Vec<LockHolder>,
}

/// How often a pool is looked at again whose record changes meanwhile.
const TRIES: usize = 5;

/// How long a node may take to list a directory: that of a dead file server never answers, while the helper beats on.
const LIMIT: Duration = Duration::from_secs(30);

impl CheckedPool {
    /// Whether all is as it should be, or is again.
    pub fn is_well(&self) -> bool {
        let is_mended = |(_, mended): &(PoolFault, Mended)| matches!(mended, Mended::Done(_));
        self.unreached.is_empty() && self.faults.iter().all(is_mended)
    }
}

impl CheckPools<'_> {
    /// Checks these pools, so many at once; what was found, in their order.
    ///
    /// # Errors
    ///
    /// Those of the catalogue. What a node meets is told of its pool.
    pub async fn run(
        &self,
        pools: &[PoolKey],
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Result<Vec<CheckedPool>, CatalogueError> {
        let scopes: BTreeSet<_> = pools.iter().map(scope_of).collect();
        let work = Work { check: self, scopes: &scopes, stop, tell };
        let checking: Vec<_> = pools.iter().map(|pool| Box::pin(work.pool(pool))).collect();
        stream::iter(checking).buffered(self.parallel.get()).try_collect().await
    }
}

/// A check that is under way.
struct Work<'a> {
    check: &'a CheckPools<'a>,
    /// The locks of the files of all pools that are checked.
    scopes: &'a BTreeSet<String>,
    stop: &'a Stop,
    tell: Tell<'a>,
}

impl Work<'_> {
    async fn pool(&self, pool: &PoolKey) -> Result<CheckedPool, CatalogueError> {
        let catalogue = self.check.catalogue;
        let recorded = catalogue.pool_record(pool).await?.files().len();
        let mut checked = CheckedPool {
            pool: pool.clone(),
            node: None,
            unreached: Vec::new(),
            faults: Vec::new(),
            recorded,
            others: 0,
            at_work: Vec::new(),
        };
        let nodes: Vec<_> = self.check.nodes.iter().filter(|target| target.pool_key() == *pool).collect();
        if nodes.is_empty() {
            if recorded > 0 {
                checked.faults.push((PoolFault::NoNode { recorded }, Mended::NotAsked));
            }
            return Ok(checked);
        }
        for target in nodes {
            let asking = self.ask(target, pool, &mut checked);
            let asked = tokio::select! {
                asked = asking => asked,
                () = self.stop.now() => Err(LookError::Interrupted),
            };
            match asked {
                Ok(()) => {
                    checked.node = Some(target.name().clone());
                    return Ok(checked);
                }
                Err(LookError::Catalogue(error)) => return Err(error),
                Err(error) => checked.unreached.push((target.name().clone(), causes(&error))),
            }
            if self.stop.is_wanted() {
                break;
            }
        }
        Ok(checked)
    }

    /// Has one node show the pool.
    async fn ask(&self, target: &Target, pool: &PoolKey, checked: &mut CheckedPool) -> Result<(), LookError> {
        let mut session = match Session::open(target, self.check.transport).await {
            Ok(session) => session,
            Err(OpenError::Connect(error)) => return Err(error.into()),
            Err(OpenError::Helper(error)) => return Err(error.into()),
        };
        let CheckPools { owner, catalogue, .. } = self.check;
        let own = OwnPool { key: pool, node: target.name(), owner, catalogue };
        let result = self.look_and_mend(own, &mut session.helper, checked).await;
        tell_warnings(self.tell, target.name(), &mut session.helper.warnings);
        session.close().await;
        result
    }

    async fn look_and_mend(
        &self,
        own: OwnPool<'_>,
        helper: &mut Helper,
        checked: &mut CheckedPool,
    ) -> Result<(), LookError> {
        let looked = self.look(own, helper, Held::Nothing).await?;
        checked.others = looked.listing.others;
        let by = match self.check.found {
            Found::Mended(by) if !looked.faults.is_empty() => by,
            Found::Mended(_) | Found::Told => {
                checked.at_work = looked.at_work;
                checked.faults = looked.faults.into_iter().map(|fault| (fault, Mended::NotAsked)).collect();
                return Ok(());
            }
        };
        let on_wait = |holder: &LockHolder| {
            (self.tell)(now(own.node, Event::Waiting { message: holder.to_string() }));
        };
        let lock = tokio::select! {
            lock = lock_files(&own, on_wait) => lock?,
            () = self.stop.after_steps() => return Err(LookError::Interrupted),
        };
        let mending = async {
            let looked = self.look(own, helper, Held::Files).await?;
            let CheckPools { nodes, transport, .. } = self.check;
            let mend = Mend { nodes, transport, own, by, stop: self.stop, tell: self.tell };
            let faults = mend.run(&looked, helper).await?;
            Ok::<_, LookError>((looked, faults))
        };
        let mended = tokio::select! {
            mended = mending => mended,
            () = lock.lost() => Err(LookError::LockLost),
        };
        let released = lock.release().await;
        let (looked, faults) = mended?;
        released?;
        (checked.faults, checked.others, checked.at_work) = (faults, looked.listing.others, looked.at_work);
        Ok(())
    }

    async fn look(&self, own: OwnPool<'_>, helper: &mut Helper, held: Held) -> Result<Looked, LookError> {
        let catalogue = own.catalogue;
        let mut tries = 0;
        loop {
            let mut at_work = self.at_work(own, held).await?;
            let record = catalogue.pool_record(own.key).await?;
            let order = ListPool { claim: own.claim_of(record.files()) };
            let asked = timeout(LIMIT, helper.run(Step::ListPool(order.clone()), |_| {}));
            let listing = match asked.await.unwrap_or(Err(HelperError::Silent(LIMIT)))? {
                Outcome::Listed(listing) if listing.answers(&order) => *listing,
                _ => return Err(HelperError::Answer.into()),
            };
            let mut contents = BTreeMap::new();
            for file in &listing.unknown {
                let Some((digits, _)) = file.content() else { continue };
                contents.insert(file.name.clone(), catalogue.known_contents(own.key, digits).await?);
            }
            tries += 1;
            if catalogue.pool_record(own.key).await? != record && tries < TRIES {
                continue;
            }
            at_work.extend(self.at_work(own, held).await?);
            at_work.dedup();
            let is_quiet = at_work.is_empty();
            let compared = Compared {
                owner: own.owner,
                record: &record,
                listing: &listing,
                contents: &contents,
                is_quiet,
            };
            let faults = compared.faults();
            return Ok(Looked { record, listing, faults, at_work });
        }
    }

    /// Who may bring files into the pool, or take some away.
    async fn at_work(&self, own: OwnPool<'_>, held: Held) -> Result<Vec<LockHolder>, CatalogueError> {
        let mut locks = own.catalogue.locks().await?;
        let this = scope_of(own.key);
        locks.retain(|lock| match (lock.scope == this, held) {
            (true, Held::Files) => false,
            (true, Held::Nothing) => true,
            // Of another pool.
            (false, _) => !self.scopes.contains(&lock.scope),
        });
        Ok(locks)
    }
}

/// What is locked while a pool is looked at.
#[derive(Debug, Clone, Copy)]
enum Held {
    Nothing,
    Files,
}

fn scope_of(pool: &PoolKey) -> String {
    LockScope::Files(pool.clone()).to_string()
}
