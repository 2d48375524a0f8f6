//! Image availability: on which stacks an image is to be, and that its bytes come there.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use ays_catalogue::{
    Change, ChangedBy, Copy, CopyState, Generation, GenerationId, ImageDetail, LockHolder, NewCopy, StackId,
    StackOffer, Timestamp,
};
use ays_engine::{
    Arrived, Bad, BringError, Direction, NotBrought, NotPublished, Recorder, Recording, Scrub, Stop, ToBring,
};
use ays_model::{CopyVerdict, Event, Gid, LockScope, NodeName, PoolKey, Record};
use ays_recipes::LookupError;
use ays_transport::SshSettings;
use tokio::process::Command;

use crate::canary::Canary;
use crate::change_image::{find, not_changed};
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::pools::Pools;

/// Which stacks an image is to be on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// As it is: what is wanted is brought where it is missing.
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
#[derive(Debug)]
pub struct SetAvailability {
    /// Its name or id.
    pub image: String,
    /// Its grid, where several have an image of that name.
    pub gid: Option<Gid>,
    /// On which stacks.
    pub wanted: Wanted,
    /// In which waves those get it that do not offer its current generation yet; none: all at once.
    pub canary: Option<Canary>,
    /// A program and its arguments that must end well for each stack of a wave before the next one begins. It finds the
    /// image's name, the stack's and the generation's number in `AYS_IMAGE`, `AYS_STACK` and `AYS_GENERATION`.
    pub check: Option<Vec<OsString>>,
    /// Why, for the records.
    pub reason: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub struct Availability {
    /// The image as it is now.
    pub detail: ImageDetail,
    /// The pools whose indexes do not say so yet.
    pub not_published: Vec<NotPublished>,
    /// The pools that its bytes did not come to.
    pub not_brought: Vec<(PoolKey, NotBrought)>,
    /// Why it was stopped after a wave.
    pub stopped: Option<Stopped>,
}

/// Why no further wave began.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// A copy was read again and was not as it should be.
    #[error("the copy in pool {} is {verdict}{}", .pool.name, on(.pool))]
    Copy {
        /// The pool.
        pool: PoolKey,
        /// What it is.
        verdict: CopyVerdict,
    },
    /// The check did not end well for a stack.
    #[error("the check of {stack} ended with {ended}")]
    Check {
        /// The stack.
        stack: NodeName,
        /// Its exit code or signal.
        ended: std::process::ExitStatus,
    },
    /// The check could not be started.
    #[error("the check could not be started")]
    NoCheck(#[source] std::io::Error),
}

fn on(pool: &PoolKey) -> String {
    pool.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default()
}

/// Why an image cannot be made available so.
#[derive(Debug, thiserror::Error)]
enum AvailabilityError {
    #[error("{image} is of grid {is}, and not of grid {asked}")]
    OtherGrid { image: String, is: Gid, asked: Gid },
    #[error("{0} has no generation yet")]
    NoGeneration(String),
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
        let detail = find(&controller, &self.image).await?;
        if let Some(asked) = self.gid.filter(|gid| *gid != detail.image.gid) {
            let (image, is) = (detail.image.name.to_string(), detail.image.gid);
            return Err(Error::new(Kind::Usage, AvailabilityError::OtherGrid { image, is, asked }));
        }
        let wanted = self.stacks(&detail)?;
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(self.reason.clone());
        let scope = LockScope::Availability { gid: detail.image.gid, image: detail.image.name.clone() };
        let waiting = |holder: &LockHolder| {
            let message =
                format!("waiting for {}, who is at {} since {}", holder.by, holder.scope, holder.since);
            tell(ays_engine::now(&"".into(), Event::Warning { message }));
        };
        let lock =
            controller.catalogue.wait_for_lock(&[scope.to_string()], &controller.actor.0, waiting).await?;
        let mut work = Work {
            asked: &self,
            controller: &controller,
            pools: &pools,
            by,
            stop: &stop,
            tell: Arc::clone(&tell),
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
        Ok(Availability { detail, not_published: pools.that_matter(not_published), not_brought, stopped })
    }
}

impl SetAvailability {
    /// The stacks that it is to be wanted on, by name.
    fn stacks(&self, detail: &ImageDetail) -> Result<Vec<StackId>, Error> {
        let known = |name: &NodeName| {
            let found = detail.stacks.iter().find(|on| on.stack.name == *name).map(|on| on.stack.id);
            let names = detail.stacks.iter().map(|on| on.stack.name.as_str());
            found.ok_or_else(|| Error::from(LookupError::unknown("stack", name.as_str(), names)))
        };
        let named = |names: &[NodeName]| names.iter().map(known).collect::<Result<BTreeSet<_>, _>>();
        let before =
            detail.stacks.iter().filter(|on| on.wanted).map(|on| on.stack.id).collect::<BTreeSet<_>>();
        let wanted = match &self.wanted {
            Wanted::Same => before,
            Wanted::Set(names) => named(names)?,
            Wanted::Add(names) => &before | &named(names)?,
            Wanted::Remove(names) => &before - &named(names)?,
            Wanted::All => {
                let there = detail.stacks.iter().filter(|on| on.stack.in_environment || on.wanted);
                there.map(|on| on.stack.id).collect()
            }
        };
        let in_order = detail.stacks.iter().map(|on| on.stack.id).filter(|id| wanted.contains(id));
        Ok(in_order.collect())
    }
}

/// Availability that is being set.
struct Work<'a> {
    asked: &'a SetAvailability,
    controller: &'a Controller,
    pools: &'a Pools,
    by: ChangedBy,
    stop: &'a Stop,
    tell: Tell,
    detail: ImageDetail,
    not_published: Vec<NotPublished>,
    not_brought: Vec<(PoolKey, NotBrought)>,
    stopped: Option<Stopped>,
}

impl Work<'_> {
    async fn run(&mut self, wanted: &[StackId]) -> Result<(), Error> {
        let current = self.current()?;
        // Nobody else brings copies of this image now: what is on its way was stopped.
        let stopped = self.generation(current).into_iter().flat_map(|generation| &generation.copies);
        let stopped = stopped.filter(|copy| copy.state == CopyState::Arriving).map(|copy| copy.pool.clone());
        let stopped: Vec<_> = stopped.collect();
        self.controller.catalogue.forget_arriving(current, &stopped).await?;

        let before: Vec<_> = self.detail.stacks.iter().filter(|on| on.wanted).map(|on| on.stack.id).collect();
        let stay: Vec<_> = before.iter().copied().filter(|id| wanted.contains(id)).collect();
        let changing: Vec<_> = wanted.iter().copied().filter(|id| self.changes(*id)).collect();
        self.check_room(&changing).await?;
        if stay != before {
            self.want(&stay, Direction::Less).await?;
        }
        let waves = self
            .asked
            .canary
            .as_ref()
            .map_or_else(|| vec![changing.len()], |canary| canary.waves(changing.len()));
        let mut done = 0;
        for most in waves {
            let (wave, so_far) = (&changing[done..most], &changing[..most]);
            let set: Vec<_> =
                stay.iter().chain(so_far).copied().collect::<BTreeSet<_>>().into_iter().collect();
            if set != before || done > 0 {
                self.want(&set, Direction::More).await?;
            }
            self.bring(wave).await?;
            self.detail = find(self.controller, &self.detail.image.id.0.to_string()).await?;
            let is_whole = self.not_brought.is_empty();
            if is_whole && self.asked.canary.is_some() {
                self.read_again(wave).await?;
            }
            if is_whole && self.stopped.is_none() {
                self.check(wave).await;
            }
            if !is_whole || self.stopped.is_some() {
                break;
            }
            done = most;
        }
        self.detail = find(self.controller, &self.detail.image.id.0.to_string()).await?;
        Ok(())
    }

    fn current(&self) -> Result<GenerationId, Error> {
        let current = self.detail.generations.iter().find(|generation| generation.current);
        let none = || AvailabilityError::NoGeneration(self.detail.image.name.to_string());
        Ok(current.ok_or_else(|| Error::new(Kind::Failed, none()))?.id)
    }

    fn generation(&self, id: GenerationId) -> Option<&Generation> {
        self.detail.generations.iter().find(|generation| generation.id == id)
    }

    /// The copies of the current generation that are in pools.
    fn verified(&self) -> impl Iterator<Item = &Copy> {
        let current = self.detail.generations.iter().find(|generation| generation.current);
        let copies = current.into_iter().flat_map(|generation| &generation.copies);
        copies.filter(|copy| copy.state == CopyState::Verified)
    }

    fn on(&self, stack: StackId) -> Option<&StackOffer> {
        self.detail.stacks.iter().find(|on| on.stack.id == stack)
    }

    /// A stack's pool; none where the environment does not have its node.
    fn pool(&self, stack: StackId) -> Option<PoolKey> {
        self.pools.pool_of(&self.on(stack)?.stack.name)
    }

    /// Whether a stack is not wanted yet, or its pool lacks the current generation.
    fn changes(&self, stack: StackId) -> bool {
        let is_wanted = self.on(stack).is_some_and(|on| on.wanted);
        let pool = self.pool(stack);
        !is_wanted || pool.is_some_and(|pool| self.verified().all(|copy| copy.pool != pool))
    }

    /// The pools of stacks that lack the current generation, each once.
    fn lacking(&self, stacks: &[StackId]) -> Vec<PoolKey> {
        let mut lacking: Vec<PoolKey> = Vec::new();
        for pool in stacks.iter().filter_map(|stack| self.pool(*stack)) {
            if self.verified().all(|copy| copy.pool != pool) && !lacking.contains(&pool) {
                lacking.push(pool);
            }
        }
        lacking
    }

    /// What is to be brought to these pools, and from where.
    async fn to_bring(&self, pools: Vec<PoolKey>) -> Result<Option<ToBring>, Error> {
        let id = self.detail.image.id.0.to_string();
        let mut copies = self.controller.catalogue.copies_to_scrub(Some(&id)).await?.unwrap_or_default();
        copies.retain(|copy| self.verified().any(|good| good.pool == copy.pool && good.file == copy.file));
        let current = self.generation(self.current()?);
        Ok(current.map(|generation| ToBring { content: generation.content, copies, pools }))
    }

    async fn check_room(&self, stacks: &[StackId]) -> Result<(), Error> {
        let lacking = self.lacking(stacks);
        match self.to_bring(lacking).await? {
            Some(what) if !what.pools.is_empty() => {
                let bring = self.pools.bring(self.controller);
                bring.check_room(&what, self.stop, &*self.tell).await.map_err(not_at_all)
            }
            _ => Ok(()),
        }
    }

    async fn want(&mut self, stacks: &[StackId], direction: Direction) -> Result<(), Error> {
        let change = Change::Wanted(self.detail.image.id, stacks.to_vec());
        let publish = self.pools.publish(self.controller, &self.tell);
        let published = publish.change(change, &self.by, direction, self.stop).await.map_err(not_changed)?;
        self.not_published.retain(|not| !published.changed.pools.contains(&not.pool));
        self.not_published.extend(published.failed);
        Ok(())
    }

    async fn bring(&mut self, stacks: &[StackId]) -> Result<(), Error> {
        let Some(what) = self.to_bring(self.lacking(stacks)).await? else { return Ok(()) };
        let (generation, catalogue) = (self.current()?, &self.controller.catalogue);
        let Some(giver) = what.copies.first().filter(|_| !what.pools.is_empty()).cloned() else {
            let none =
                |pool| (pool, NotBrought::NoGiver { reason: "no pool has a verified copy".to_owned() });
            self.not_brought.extend(what.pools.into_iter().map(none));
            return Ok(());
        };
        let on_its_way = |pool: &PoolKey| NewCopy {
            generation,
            pool: pool.clone(),
            file: giver.file.clone(),
            format: giver.format,
            digest: giver.digest,
            size: giver.size,
        };
        catalogue.set_arriving(&what.pools.iter().map(on_its_way).collect::<Vec<_>>()).await?;
        let copy = |Arrived { pool, file, format, digest, size, .. }: Arrived| NewCopy {
            generation,
            pool,
            file,
            format,
            digest,
            size,
        };
        let rehearse = |arrived: Arrived| -> Recording<'_, _> {
            Box::pin(async move { catalogue.rehearse_arrived(&copy(arrived), &Timestamp::now()).await })
        };
        let record = |arrived: Arrived| -> Recording<'_, _> {
            Box::pin(async move { catalogue.set_arrived(&copy(arrived), &Timestamp::now()).await })
        };
        let recorder = Recorder { rehearse: &rehearse, record: &record };
        let brought = self.pools.bring(self.controller).run(&what, &recorder, self.stop, &*self.tell).await;
        // Of those that came, nothing is on its way any more.
        catalogue.forget_arriving(generation, &what.pools).await?;
        for (pool, brought) in what.pools.iter().zip(brought.map_err(not_at_all)?) {
            if let Err(why) = brought {
                self.not_brought.push((pool.clone(), why));
            }
        }
        Ok(())
    }

    /// Reads the wave's copies again, each whole.
    async fn read_again(&mut self, wave: &[StackId]) -> Result<(), Error> {
        let pools: Vec<_> = wave.iter().filter_map(|stack| self.pool(*stack)).collect();
        let Some(ToBring { mut copies, .. }) = self.to_bring(Vec::new()).await? else { return Ok(()) };
        copies.retain(|copy| pools.contains(&copy.pool));
        let bad: Arc<Mutex<Option<Stopped>>> = Arc::default();
        let (tell, noted) = (Arc::clone(&self.tell), Arc::clone(&bad));
        let listen = move |record: Record| {
            if let Event::CopyChecked(report) = &record.event
                && report.result != CopyVerdict::Good
            {
                let stopped = Stopped::Copy { pool: report.pool.clone(), verdict: report.result };
                noted.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stopped);
            }
            tell(record);
        };
        let scrub: Scrub<'_> = self.pools.scrub(self.controller, Bad::Marked);
        scrub.run(copies, self.stop, &listen).await;
        self.stopped = bad.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    /// Runs the operator's check for each stack of a wave.
    async fn check(&mut self, wave: &[StackId]) {
        let Some([program, arguments @ ..]) = self.asked.check.as_deref() else { return };
        for stack in wave {
            let Some(StackOffer { stack, offered_generation, .. }) = self.on(*stack) else { continue };
            let generation = offered_generation.map(|number| number.to_string()).unwrap_or_default();
            let ended = Command::new(program)
                .args(arguments)
                .env("AYS_IMAGE", self.detail.image.name.as_str())
                .env("AYS_STACK", stack.name.as_str())
                .env("AYS_GENERATION", generation)
                .stdin(Stdio::null())
                // What it says is for people; standard output is this program's own.
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .status()
                .await;
            match ended {
                Ok(ended) if ended.success() => {}
                Ok(ended) => {
                    self.stopped = Some(Stopped::Check { stack: stack.name.clone(), ended });
                    return;
                }
                Err(error) => {
                    self.stopped = Some(Stopped::NoCheck(error));
                    return;
                }
            }
        }
    }
}

fn not_at_all(error: BringError) -> Error {
    match error {
        BringError::Interrupted => Error::interrupted(),
        error => Error::new(Kind::Failed, error),
    }
}
