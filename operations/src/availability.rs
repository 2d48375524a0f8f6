//! Image availability: on which stacks an image is to be, and that its bytes come there.

mod proof;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;

use ays_catalogue::{
    Change, ChangedBy, Copy, CopyState, Generation, ImageDetail, LockHolder, StackId, StackOffer, StackStatus,
};
use ays_engine::{Direction, NotBrought, NotPublished, Stop, ToBring, now};
use ays_model::{Event, Gid, ImageName, LockScope, NodeName, PoolKey, causes};
use ays_recipes::LookupError;
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use self::proof::Stopped;
use crate::bring_generation::{bring_generation, not_at_all};
use crate::canary::Canary;
use crate::change_image::{find, not_changed};
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::pool_problem::PoolProblem;
use crate::pools::Pools;

/// Which stacks an image is to be on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wanted {
    /// As it is: what is wanted is brought where it is missing.
    #[default]
    Same,
    /// Exactly these.
    Set(Vec<NodeName>),
    /// These too.
    Add(Vec<NodeName>),
    /// No more these.
    Remove(Vec<NodeName>),
    /// Every stack of its grid that the environment has.
    All,
}

/// Sets where an image is available.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetAvailability {
    /// Its name or id.
    pub image: String,
    /// Its grid, where several have an image of that name.
    #[serde(default)]
    pub gid: Option<Gid>,
    /// On which stacks.
    #[serde(default)]
    pub wanted: Wanted,
    /// The stacks that it was wanted on when whoever asks looked: what others changed since is not taken back. None: they
    /// have not looked.
    #[serde(default)]
    pub seen: Option<Vec<NodeName>>,
    /// In which waves those get it that do not offer its current generation yet; none: all at once.
    #[serde(default)]
    pub canary: Option<Canary>,
    /// A program and its arguments that must end well for each stack of a wave before the next one begins. It finds the
    /// image's name, the stack's and the generation's number in `AYS_IMAGE`, `AYS_STACK` and `AYS_GENERATION`. It is in no
    /// job: whoever may ask a server for work may not run programs there.
    #[serde(skip)]
    pub check: Option<Vec<OsString>>,
    /// Why, for the records.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// The image's name.
    pub image: ImageName,
    /// The number of its current generation.
    pub generation: Option<u32>,
    /// Each stack of its grid, as it is now.
    pub stacks: Vec<StackAvailability>,
    /// The pools whose indexes do not say so yet.
    pub not_published: Vec<PoolProblem>,
    /// The pools that its bytes did not come to.
    pub not_brought: Vec<PoolProblem>,
    /// Why no further wave began.
    pub stopped: Option<String>,
}

/// What a stack has of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackAvailability {
    /// The stack.
    pub stack: NodeName,
    /// Whether machines may be started on it.
    pub status: StackStatus,
    /// Whether the image is wanted there.
    pub wanted: bool,
    /// The number of the generation that it offers; none: it does not offer the image.
    pub offers: Option<u32>,
    /// Whether the current generation is on its way to its pool.
    pub arriving: bool,
}

impl StackAvailability {
    fn all(detail: &ImageDetail) -> Vec<Self> {
        let copies = detail.current().into_iter().flat_map(|generation| &generation.copies);
        let arriving = copies.filter(|copy| copy.state == CopyState::Arriving);
        let arriving: Vec<_> = arriving.filter_map(|copy| copy.pool.node.as_ref()).collect();
        let on = detail.stacks.iter().map(|on| Self {
            stack: on.stack.name.clone(),
            status: on.stack.status,
            wanted: on.wanted,
            offers: on.offered_generation,
            arriving: arriving.contains(&&on.stack.name),
        });
        on.collect()
    }
}

/// Why an image cannot be made available so.
#[derive(Debug, thiserror::Error)]
enum AvailabilityError {
    #[error("{image} is of grid {is}, and not of grid {asked}")]
    OtherGrid { image: String, is: Gid, asked: Gid },
    #[error("{0} has no generation yet")]
    NoGeneration(String),
    #[error("somebody else has changed meanwhile where {image} is wanted: {stacks}")]
    ChangedMeanwhile { image: String, stacks: String },
    #[error("the catalogue could not be reached for too long: somebody else may be at it by now")]
    LockLost,
}

impl SetAvailability {
    /// Makes it so: all stacks or none are wanted, then the bytes move, from the nearest verified copies.
    ///
    /// # Errors
    ///
    /// There is no such image or stack, or no room for it in some pool: then nothing is changed. What a pool meets is told in
    /// the result.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Availability, Error> {
        let ImageDetail { image, .. } = find_in(&controller, &self.image, self.gid).await?;
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let scopes = [LockScope::Availability { gid: image.gid, image: image.name }.to_string()];
        let on_wait =
            |holder: &LockHolder| tell(now(&"".into(), Event::Waiting { message: holder.to_string() }));
        let lock = tokio::select! {
            lock = controller.catalogue.wait_for_lock(&scopes, &controller.actor.0, on_wait) => lock?,
            () = stop.after_steps() => return Err(Error::interrupted()),
        };
        // Whoever had the lock before may have changed it.
        let id = image.id.0.to_string();
        let detail = find(&controller, &id).await?;
        let wanted = self.wanted.stacks(&detail)?;
        self.check_seen(&detail, &wanted)?;
        let mut work = Work {
            asked: &self,
            controller: &controller,
            pools: &pools,
            by: controller.changes(self.reason.clone()),
            stop: &stop,
            tell: Arc::clone(&tell),
            id,
            detail,
            not_published: Vec::new(),
            not_brought: Vec::new(),
            stopped: None,
        };
        tokio::select! {
            done = work.run(&wanted) => done?,
            () = lock.lost() => return Err(Error::new(Kind::Failed, AvailabilityError::LockLost)),
        }
        let Work { not_published, not_brought, stopped, detail, .. } = work;
        lock.release().await?;
        let not_published = pools.that_matter(not_published).into_iter().map(PoolProblem::from).collect();
        let not_brought = not_brought.into_iter().map(|(pool, why)| PoolProblem::new(pool, &why)).collect();
        Ok(Availability {
            image: detail.image.name.clone(),
            generation: detail.current().map(|generation| generation.number),
            stacks: StackAvailability::all(&detail),
            not_published,
            not_brought,
            stopped: stopped.map(|why| causes(&why)),
        })
    }

    /// Refuses to take back what others have changed. What an earlier attempt of this one has changed is no such thing.
    fn check_seen(&self, detail: &ImageDetail, wanted: &BTreeSet<StackId>) -> Result<(), Error> {
        let Some(seen) = &self.seen else { return Ok(()) };
        let others = detail.stacks.iter().filter(|on| {
            let was_wanted = seen.contains(&on.stack.name);
            on.wanted != was_wanted && on.wanted != wanted.contains(&on.stack.id)
        });
        let stacks: Vec<_> = others.map(|on| on.stack.name.as_str()).collect();
        if stacks.is_empty() {
            return Ok(());
        }
        let (image, stacks) = (detail.image.name.to_string(), stacks.join(", "));
        let refused = AvailabilityError::ChangedMeanwhile { image, stacks };
        Err(Error::new(Kind::Usage, refused).with_cure("look at it as it is now, and choose again"))
    }
}

/// The image of a name or id, in a grid where that is said.
pub(crate) async fn find_in(
    controller: &Controller,
    asked: &str,
    gid: Option<Gid>,
) -> Result<ImageDetail, Error> {
    let Some(gid) = gid else { return find(controller, asked).await };
    let images = controller.catalogue.images().await?;
    if let Some(image) = images.iter().find(|image| image.name == *asked && image.gid == gid) {
        return find(controller, &image.id.0.to_string()).await;
    }
    let detail = find(controller, asked).await?;
    if detail.image.gid == gid {
        return Ok(detail);
    }
    let (image, is) = (detail.image.name.to_string(), detail.image.gid);
    Err(Error::new(Kind::Usage, AvailabilityError::OtherGrid { image, is, asked: gid }))
}

impl Wanted {
    /// The stacks that it is to be wanted on.
    fn stacks(&self, detail: &ImageDetail) -> Result<BTreeSet<StackId>, Error> {
        let known = |name: &NodeName| {
            let found = detail.stacks.iter().find(|on| on.stack.name == *name).map(|on| on.stack.id);
            let names = detail.stacks.iter().map(|on| on.stack.name.as_str());
            found.ok_or_else(|| Error::from(LookupError::unknown("stack", name.as_str(), names)))
        };
        let named = |names: &[NodeName]| names.iter().map(known).collect::<Result<BTreeSet<_>, _>>();
        let before = wanted_on(detail);
        Ok(match self {
            Self::Same => before,
            Self::Set(names) => named(names)?,
            Self::Add(names) => &before | &named(names)?,
            Self::Remove(names) => &before - &named(names)?,
            Self::All => {
                let there = detail.stacks.iter().filter(|on| on.stack.in_environment || on.wanted);
                there.map(|on| on.stack.id).collect()
            }
        })
    }
}

fn wanted_on(detail: &ImageDetail) -> BTreeSet<StackId> {
    detail.stacks.iter().filter(|on| on.wanted).map(|on| on.stack.id).collect()
}

/// Availability that is being set.
struct Work<'a> {
    asked: &'a SetAvailability,
    controller: &'a Controller,
    pools: &'a Pools,
    by: ChangedBy,
    stop: &'a Stop,
    tell: Tell,
    /// The image's number.
    id: String,
    /// The image as it was when it was last read.
    detail: ImageDetail,
    not_published: Vec<NotPublished>,
    not_brought: Vec<(PoolKey, NotBrought)>,
    stopped: Option<Stopped>,
}

impl Work<'_> {
    async fn run(&mut self, wanted: &BTreeSet<StackId>) -> Result<(), Error> {
        let current = self.current()?;
        // Nobody else brings copies of this image now: what is on its way was stopped.
        let stopped = current.copies.iter().filter(|copy| copy.state == CopyState::Arriving);
        let stopped: Vec<_> = stopped.map(|copy| copy.pool.clone()).collect();
        self.controller.catalogue.forget_arriving(current.id, &stopped).await?;

        let before = wanted_on(&self.detail);
        let stacks = self.detail.stacks.iter().map(|on| on.stack.id);
        let changing: Vec<_> =
            stacks.filter(|id| wanted.contains(id) && (!before.contains(id) || self.lacks(*id))).collect();
        self.check_room(&changing).await?;
        self.want(Vec::new(), (&before - wanted).into_iter().collect()).await?;
        let all = changing.len();
        let waves = self.asked.canary.as_ref().map_or_else(|| vec![all], |canary| canary.waves(all));
        let mut done = 0;
        for most in waves {
            let wave = &changing[done..most];
            self.want(wave.iter().copied().filter(|id| !before.contains(id)).collect(), Vec::new()).await?;
            self.bring(wave).await?;
            self.detail = find(self.controller, &self.id).await?;
            if self.not_brought.is_empty() {
                self.prove(wave).await?;
            }
            if !self.not_brought.is_empty() || self.stopped.is_some() {
                break;
            }
            done = most;
        }
        self.detail = find(self.controller, &self.id).await?;
        Ok(())
    }

    fn current(&self) -> Result<&Generation, Error> {
        let none = || AvailabilityError::NoGeneration(self.detail.image.name.to_string());
        self.detail.current().ok_or_else(|| Error::new(Kind::Failed, none()))
    }

    /// The copies of the current generation that are in pools.
    fn verified(&self) -> impl Iterator<Item = &Copy> {
        let copies = self.detail.current().into_iter().flat_map(|generation| &generation.copies);
        copies.filter(|copy| copy.state == CopyState::Verified)
    }

    fn on(&self, stack: StackId) -> Option<&StackOffer> {
        self.detail.stacks.iter().find(|on| on.stack.id == stack)
    }

    /// A stack's pool; none where the environment does not have its node.
    fn pool(&self, stack: StackId) -> Option<PoolKey> {
        self.pools.pool_of(&self.on(stack)?.stack.name)
    }

    /// Whether a stack's pool lacks the current generation.
    fn lacks(&self, stack: StackId) -> bool {
        self.pool(stack).is_some_and(|pool| self.verified().all(|copy| copy.pool != pool))
    }

    /// What is to be brought for these stacks, and from where.
    async fn to_bring(&self, stacks: &[StackId]) -> Result<ToBring, Error> {
        let mut pools: Vec<PoolKey> = Vec::new();
        for pool in stacks.iter().filter(|stack| self.lacks(**stack)).filter_map(|stack| self.pool(*stack)) {
            if !pools.contains(&pool) {
                pools.push(pool);
            }
        }
        let mut copies = self.controller.catalogue.copies_to_scrub(Some(&self.id)).await?.unwrap_or_default();
        copies.retain(|copy| self.verified().any(|good| good.pool == copy.pool && good.file == copy.file));
        Ok(ToBring { content: self.current()?.content, copies, pools })
    }

    async fn check_room(&self, stacks: &[StackId]) -> Result<(), Error> {
        let what = self.to_bring(stacks).await?;
        if what.pools.is_empty() {
            return Ok(());
        }
        let bring = self.pools.bring(self.controller);
        bring.check_room(&what, self.stop, &*self.tell).await.map_err(not_at_all)
    }

    /// Wants the image on some more stacks, or on some no more.
    async fn want(&mut self, add: Vec<StackId>, remove: Vec<StackId>) -> Result<(), Error> {
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        let direction = if add.is_empty() { Direction::Less } else { Direction::More };
        let change = Change::Wanted { image: self.detail.image.id, add, remove };
        let publish = self.pools.publish(self.controller, &self.tell);
        let published = publish.change(change, &self.by, direction, self.stop).await.map_err(not_changed)?;
        self.not_published.retain(|not| !published.changed.pools.contains(&not.pool));
        self.not_published.extend(published.failed);
        Ok(())
    }

    async fn bring(&mut self, stacks: &[StackId]) -> Result<(), Error> {
        let what = self.to_bring(stacks).await?;
        let (controller, generation) = (self.controller, self.current()?.id);
        let brought =
            bring_generation(controller, self.pools, generation, &what, self.stop, &self.tell).await?;
        for (pool, brought) in what.pools.iter().zip(brought) {
            if let Err(why) = brought {
                self.not_brought.push((pool.clone(), why));
            }
        }
        Ok(())
    }
}
