//! Adopting a pool: what another catalogue wrote into goes on as ours, with what is there.
//!
//! The entries of its index are recorded first, then the pool's mark is changed, if nothing was changed since they were
//! read, then the index is written. Stopped anywhere, no entry is lost, and the same again goes on from there.

use ays_catalogue::{Adopted, AdoptedBefore, Catalogue, CatalogueError, ChangedBy, NoIndex, Timestamp};
use ays_model::{ImageName, NodeName, PoolKey, PoolOwner, Target};
use ays_protocol::{AdoptPool, CheckCopy, CopyState, Outcome, PoolMark, PoolSeen, Step};
use ays_transport::{ConnectError, Helper, HelperError, OpenError, Session, Transport};

use crate::index::{self, IndexError};
use crate::own_pool::OwnPool;
use crate::run_log::{Tell, tell_warnings};

/// How often a pool is looked at again that another one changes meanwhile.
const TRIES: usize = 10;

/// Whoever takes pools over.
pub struct Adopt<'a> {
    /// The catalogue that becomes the owner.
    pub catalogue: &'a Catalogue,
    /// As the mark says it.
    pub owner: &'a PoolOwner,
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// Who is told what went wrong beside an index that was written.
    pub tell: Tell<'a>,
}

/// A pool that was adopted.
#[derive(Debug)]
pub struct AdoptedPool {
    /// The node that it was reached by.
    pub node: NodeName,
    /// The pool.
    pub pool: PoolKey,
    /// Whose it was.
    pub former: Former,
    /// The images of its index that the catalogue knows nothing else of.
    pub kept: Vec<ImageName>,
    /// Entries of its index that are not kept.
    pub left_out: Vec<LeftOut>,
    /// Why nothing of its index could be read.
    pub damaged: Option<NoIndex>,
}

/// Whose a pool was before it was adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Former {
    /// It had no mark.
    Nobody,
    /// It was this catalogue's.
    Ourselves,
    /// Another catalogue's.
    Other(PoolOwner),
    /// Its mark could not be read.
    Unreadable,
}

/// An entry of an index that is not kept: the pool has no such file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The image.
    pub image: ImageName,
    /// Its file's name.
    pub file: String,
}

/// Why a pool was not adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
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
    /// It is somebody else's than it was a moment ago.
    #[error(
        "it was adopted by {0} meanwhile: agree with them whose it is to be, then adopt it again if it is yours"
    )]
    Meanwhile(PoolOwner),
    /// There is no pool yet, or an empty one.
    #[error("it has neither an owner nor an index: the first install takes it")]
    Nothing,
    /// Its index is written all the time.
    #[error("it was changed again and again while it was looked at: stop what writes into it, then adopt it")]
    Restless,
}

impl Adopt<'_> {
    /// Makes the target's pool the catalogue's.
    ///
    /// # Errors
    ///
    /// The node does not answer, or another one adopted the pool at the same time.
    pub async fn run(&self, target: &Target) -> Result<AdoptedPool, AdoptError> {
        let mut session = Session::open(target, self.transport).await.map_err(|error| match error {
            OpenError::Connect(error) => error.into(),
            OpenError::Helper(source) => failed(target)(source),
        })?;
        let adopted = self.adopt(target, &mut session.helper).await;
        tell_warnings(self.tell, target.name(), &mut session.helper.warnings);
        session.close().await;
        adopted
    }

    async fn adopt(&self, target: &Target, helper: &mut Helper) -> Result<AdoptedPool, AdoptError> {
        let key = target.pool_key();
        let own = OwnPool { key: &key, node: target.name(), owner: self.owner, catalogue: self.catalogue };
        let looked = helper.run(Step::LookAtPool(target.pool().path.clone()), |_| {}).await;
        let mut seen = pool(looked).map_err(failed(target))?;
        if seen == (PoolSeen { mark: PoolMark::Missing, index: None }) {
            return Err(AdoptError::Nothing);
        }
        let former = self.former(&seen.mark);
        for _ in 0..TRIES {
            let (entries, damaged) = match seen.index.as_deref().map(Adopted::all) {
                None => (Vec::new(), None),
                Some(Ok(entries)) => (entries, None),
                Some(Err(error)) => (Vec::new(), Some(error)),
            };
            let left_out = self.record(own, entries, &former, helper, target).await?;
            let order = AdoptPool { claim: own.claim().await?, seen: seen.clone() };
            let found = pool(helper.run(Step::AdoptPool(order), |_| {}).await).map_err(failed(target))?;
            match &found.mark {
                PoolMark::Of(owner) if owner.is(self.owner) => {}
                PoolMark::Of(owner) if found.mark != seen.mark => {
                    return Err(AdoptError::Meanwhile(owner.clone()));
                }
                _ => {
                    seen = found;
                    continue;
                }
            }
            if found.index != seen.index {
                seen = found;
                continue;
            }
            index::publish(helper, own).await.map_err(|error| match error {
                IndexError::Catalogue(error) => error.into(),
                IndexError::Helper(source) => failed(target)(source),
            })?;
            let kept = self.catalogue.adopted(&key).await?.into_iter().map(|entry| entry.name).collect();
            let (node, pool) = (target.name().clone(), key.clone());
            return Ok(AdoptedPool { node, pool, former, kept, left_out, damaged });
        }
        Err(AdoptError::Restless)
    }

    fn former(&self, mark: &PoolMark) -> Former {
        match mark {
            PoolMark::Missing => Former::Nobody,
            PoolMark::Of(owner) if owner.is(self.owner) => Former::Ourselves,
            PoolMark::Of(owner) => Former::Other(owner.clone()),
            PoolMark::Unreadable(_) => Former::Unreadable,
        }
    }

    /// Records those entries of the index whose files are there; the others.
    async fn record(
        &self,
        own: OwnPool<'_>,
        entries: Vec<Adopted>,
        former: &Former,
        helper: &mut Helper,
        target: &Target,
    ) -> Result<Vec<LeftOut>, AdoptError> {
        let (mut there, mut left_out) = (Vec::new(), Vec::new());
        for entry in entries {
            let path = target.pool().path.join(&entry.file);
            let look = CheckCopy { path, size: entry.size, read: None, rate: None };
            match helper.run(Step::CheckCopy(look), |_| {}).await.map_err(failed(target))? {
                Outcome::Checked(checked) if checked.state == CopyState::Good => there.push(entry),
                Outcome::Checked(_) => left_out.push(LeftOut { image: entry.name, file: entry.file }),
                _ => return Err(failed(target)(HelperError::Answer)),
            }
        }
        let before = match former {
            Former::Ourselves => AdoptedBefore::Stay,
            Former::Nobody | Former::Other(_) | Former::Unreadable => AdoptedBefore::Go,
        };
        let by = ChangedBy { actor: own.owner.taken_by.clone(), reason: None, at: Timestamp::now() };
        own.catalogue.adopt(own.key, &there, before, &by).await?;
        Ok(left_out)
    }
}

fn pool(answer: Result<Outcome, HelperError>) -> Result<PoolSeen, HelperError> {
    match answer? {
        Outcome::Pool(seen) => Ok(seen),
        _ => Err(HelperError::Answer),
    }
}

fn failed(target: &Target) -> impl Fn(HelperError) -> AdoptError {
    let node = target.name().clone();
    move |source| AdoptError::Helper { node: node.clone(), source }
}
