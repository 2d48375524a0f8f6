//! An image is copied to other pools, also of other grids.

use std::collections::BTreeSet;
use std::sync::Arc;

use ays_catalogue::{
    Change, Generation, ImageDetail, ImageFacts, ImageStatus, LockHolder, Offer, Registration, SourceFacts,
    StoredFacts, TemplateFacts, Timestamp,
};
use ays_engine::{
    Arrived, Direction, NotBrought, NotPublished, Recorder, Recording, Stacks, Stop, ToBring, now,
};
use ays_model::{
    Event, Fingerprint, Gid, ImageName, LockScope, NodeName, PoolKey, Signer, Target, TemplateName, causes,
};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::add_image::of_recipe;
use crate::availability::find_in;
use crate::bring_generation::{bring_generation, not_at_all};
use crate::change_image::not_changed;
use crate::controller::{Controller, Tell};
use crate::copy_to::CopyTo;
use crate::error::{Error, Kind};
use crate::generations::{generation, verified_copies};
use crate::off_runtime::off_runtime;
use crate::pool_problem::PoolProblem;
use crate::pools::Pools;

/// A copy of an image's current generation to other pools.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyImage {
    /// Its name or id.
    pub image: String,
    /// Its grid, where several have an image of that name.
    #[serde(default)]
    pub gid: Option<Gid>,
    /// Where to.
    pub to: CopyTo,
    /// Why, for the records.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopiedImage {
    /// The image's name.
    pub image: ImageName,
    /// The number of the generation in the image's own grid.
    pub generation: u32,
    /// The pools.
    pub pools: Vec<CopiedTo>,
    /// The pools whose indexes do not say so yet.
    pub not_published: Vec<PoolProblem>,
}

/// What became of one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedTo {
    /// Which.
    pub pool: PoolKey,
    /// What.
    pub result: CopyResult,
    /// Bytes that came: data, no holes.
    pub received: u64,
    /// Who gave it first.
    pub from: Option<NodeName>,
    /// Why it failed.
    pub why: Option<String>,
}

/// What became of one pool, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CopyResult {
    /// It has come.
    Copied,
    /// It was there before.
    There,
    /// It did not come.
    Failed,
}

impl CopiedTo {
    fn new(pool: PoolKey, end: CopyEnd) -> Self {
        let (result, arrived, why) = match end {
            CopyEnd::Copied(arrived) => (CopyResult::Copied, Some(arrived), None),
            CopyEnd::There => (CopyResult::There, None, None),
            CopyEnd::Failed(why) => (CopyResult::Failed, None, Some(causes(&why))),
        };
        let received = arrived.as_ref().map_or(0, |arrived| arrived.received);
        Self { pool, result, received, from: arrived.and_then(|arrived| arrived.from), why }
    }
}

/// What became of one pool, and why.
#[derive(Debug)]
enum CopyEnd {
    /// It has come.
    Copied(Arrived),
    /// It was there before.
    There,
    /// It did not come.
    Failed(NotBrought),
}

impl CopyEnd {
    fn of(brought: Result<Arrived, NotBrought>) -> Self {
        match brought {
            Ok(Arrived { kept: true, .. }) => Self::There,
            Ok(arrived) => Self::Copied(arrived),
            Err(why) => Self::Failed(why),
        }
    }
}

/// Why an image is not copied.
#[derive(Debug, thiserror::Error)]
enum NotCopied {
    #[error("{0} is not in use: only an image that is CREATED or DISABLED is copied")]
    Status(ImageName),
    #[error("grid {gid} has an image `{image}` of the recipe {template}")]
    OfRecipe { image: ImageName, gid: Gid, template: TemplateName },
    #[error("the catalogue could not be reached for too long: somebody else may be at it by now")]
    LockLost,
}

impl CopyImage {
    /// Brings its current generation to the pools from the nearest verified copies, and wants it on their stacks, as an
    /// install does. In another grid that is a generation of that grid's image, which is made where there is none.
    ///
    /// # Errors
    ///
    /// There is no such image or pool, or no room for it in some pool. What a pool meets is told in the result.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<CopiedImage, Error> {
        let detail = find_in(&controller, &self.image, self.gid).await?;
        if !matches!(detail.image.status, ImageStatus::Created | ImageStatus::Disabled) {
            return Err(Error::new(Kind::Usage, NotCopied::Status(detail.image.name)));
        }
        let environment = Arc::clone(&controller.environment);
        let stacks = off_runtime(&stop, move || Ok(Stacks::of(&environment))).await?;
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let targets = self.to.targets(pools.targets(), detail.image.gid)?;
        let grids: BTreeSet<Gid> = targets.iter().map(Target::gid).chain([detail.image.gid]).collect();
        let current = generation(&detail, None)?;
        check_recipes(&controller, &detail, current, &grids).await?;
        stacks.write(&controller.catalogue, &targets, &controller.actor.0).await?;

        let scope = |gid: &Gid| LockScope::Availability { gid: *gid, image: detail.image.name.clone() };
        let scopes: Vec<_> = grids.iter().map(|gid| scope(gid).to_string()).collect();
        let on_wait =
            |holder: &LockHolder| tell(now(&"".into(), Event::Waiting { message: holder.to_string() }));
        let lock = tokio::select! {
            lock = controller.catalogue.wait_for_lock(&scopes, &controller.actor.0, on_wait) => lock?,
            () = stop.after_steps() => return Err(Error::interrupted()),
        };
        // Whoever had the lock before may have changed it.
        let detail = find_in(&controller, &detail.image.id.0.to_string(), None).await?;
        let work = Work {
            controller: &controller,
            pools: &pools,
            stacks: &stacks,
            detail: &detail,
            current: generation(&detail, None)?,
            stop: &stop,
            tell: &tell,
        };
        let done = tokio::select! {
            done = work.run(&targets, self.reason) => done?,
            () = lock.lost() => return Err(Error::new(Kind::Failed, NotCopied::LockLost)),
        };
        lock.release().await?;
        Ok(done)
    }
}

/// In another grid a recipe's image has the recipe's generations.
async fn check_recipes(
    controller: &Controller,
    ImageDetail { image, .. }: &ImageDetail,
    current: &Generation,
    grids: &BTreeSet<Gid>,
) -> Result<(), Error> {
    for gid in grids.iter().filter(|gid| **gid != image.gid) {
        let template = of_recipe(controller, &image.name, &[*gid]).await?;
        if let Some(template) = template.filter(|template| *template != current.template) {
            let refused = NotCopied::OfRecipe { image: image.name.clone(), gid: *gid, template };
            let cure =
                "give one of the two another name: `ays image edit NAME --name OTHER`, or in the recipe";
            return Err(Error::new(Kind::Usage, refused).with_cure(cure));
        }
    }
    Ok(())
}

/// A copy that is under way.
struct Work<'a> {
    controller: &'a Controller,
    pools: &'a Pools,
    stacks: &'a Stacks,
    detail: &'a ImageDetail,
    current: &'a Generation,
    stop: &'a Stop,
    tell: &'a Tell,
}

impl Work<'_> {
    async fn run(&self, targets: &[Target], reason: Option<String>) -> Result<CopiedImage, Error> {
        let copies = verified_copies(self.controller, self.detail, self.current).await?;
        let own_grid = self.detail.image.gid;
        let (own, away): (Vec<_>, Vec<_>) = targets.iter().partition(|target| target.gid() == own_grid);
        let (there, lacking): (Vec<_>, Vec<_>) = own
            .iter()
            .map(|target| target.pool_key())
            .partition(|pool| copies.iter().any(|copy| copy.pool == *pool));
        let mut done: Vec<_> = there.into_iter().map(|pool| (pool, CopyEnd::There)).collect();
        let content = self.current.content;
        let what = ToBring { content, copies: copies.clone(), pools: lacking };
        if !what.pools.is_empty() {
            let Self { controller, pools, stop, tell, .. } = *self;
            let brought = bring_generation(controller, pools, self.current.id, &what, stop, tell).await?;
            done.extend(what.pools.into_iter().zip(brought.into_iter().map(CopyEnd::of)));
        }
        let not_published = self.want(&own, &done, reason).await?;
        let what = ToBring { content, copies, pools: away.iter().map(|target| target.pool_key()).collect() };
        if !what.pools.is_empty() {
            let brought = self.register(&what, &away).await?;
            done.extend(what.pools.into_iter().zip(brought.into_iter().map(CopyEnd::of)));
        }
        let (image, generation) = (self.detail.image.name.clone(), self.current.number);
        let pools = done.into_iter().map(|(pool, end)| CopiedTo::new(pool, end)).collect();
        let not_published = not_published.into_iter().map(PoolProblem::from).collect();
        Ok(CopiedImage { image, generation, pools, not_published })
    }

    /// Wants it on the stacks of the pools that have it now.
    async fn want(
        &self,
        own: &[&Target],
        done: &[(PoolKey, CopyEnd)],
        reason: Option<String>,
    ) -> Result<Vec<NotPublished>, Error> {
        let is_there = |(pool, end): &(PoolKey, CopyEnd), target: &Target| {
            *pool == target.pool_key() && !matches!(end, CopyEnd::Failed(_))
        };
        let has = |target: &&&Target| done.iter().any(|end| is_there(end, target));
        let names: Vec<_> = own.iter().filter(has).flat_map(|target| self.stacks.wanted_on(target)).collect();
        // What was read before knows no stack that was new then.
        let detail = find_in(self.controller, &self.detail.image.id.0.to_string(), None).await?;
        let is_meant = |name: &NodeName| names.contains(name);
        let on = detail.stacks.iter().filter(|on| !on.wanted && is_meant(&on.stack.name));
        let add: Vec<_> = on.map(|on| on.stack.id).collect();
        if add.is_empty() {
            return Ok(Vec::new());
        }
        let change = Change::Wanted { image: detail.image.id, add, remove: Vec::new() };
        let publish = self.pools.publish(self.controller, self.tell);
        let by = self.controller.changes(reason);
        let published = publish.change(change, &by, Direction::More, self.stop).await.map_err(not_changed)?;
        Ok(self.pools.that_matter(published.failed))
    }

    /// Brings it to pools of other grids, and registers what has come there as an install would.
    async fn register(
        &self,
        what: &ToBring,
        away: &[&Target],
    ) -> Result<Vec<Result<Arrived, NotBrought>>, Error> {
        let catalogue = &self.controller.catalogue;
        let registration = |arrived: Arrived| self.registration(away, arrived);
        let rehearse = |arrived: Arrived| -> Recording<'_, Vec<Offer>> {
            let registration = registration(arrived);
            Box::pin(async move { catalogue.rehearse(&registration, &Timestamp::now()).await })
        };
        let disk = &self.current.disk;
        let record = |arrived: Arrived| -> Recording<'_, ()> {
            let registration = registration(arrived);
            Box::pin(async move {
                let registered = catalogue.register(&registration, &Timestamp::now()).await?;
                catalogue.set_disk_facts(registered.generation, disk).await
            })
        };
        let recorder = Recorder { rehearse: &rehearse, record: &record };
        let bring = self.pools.bring(self.controller);
        bring.run(what, &recorder, self.stop, &**self.tell).await.map_err(not_at_all)
    }

    /// What is said of it in the other grid: all that is said of it here.
    fn registration(&self, away: &[&Target], arrived: Arrived) -> Registration {
        let (image, generation) = (&self.detail.image, self.current);
        let Arrived { pool, file, format, digest, size, .. } = arrived;
        let target = away.iter().find(|target| target.pool_key() == pool);
        let signer = generation.signed_by.clone().zip(generation.signer.clone());
        Registration {
            image: ImageFacts {
                name: image.name.clone(),
                description: Some(image.description.clone()),
                category: image.category.clone(),
                size_gb: image.size_gb,
                username: image.username.clone(),
                boot_type: image.boot_type,
                hot_resize: image.hot_resize,
            },
            source: SourceFacts {
                url: generation.source_url.clone(),
                etag: generation.etag.clone(),
                last_modified: generation.last_modified.clone(),
                md5: generation.source_md5,
                sha256: generation.source_sha256,
                size: generation.source_size,
                verified_by: generation.verified_by.as_ref().and_then(|proof| proof.parse().ok()),
                signed_by: signer.map(|(fingerprint, user_id)| Signer {
                    fingerprint: Fingerprint::from(fingerprint),
                    user_id,
                }),
                version: generation.source_version.clone(),
            },
            stored: StoredFacts {
                file,
                format,
                content: generation.content,
                digest,
                size,
                virtual_size: generation.virtual_size,
            },
            template: TemplateFacts {
                name: generation.template.clone(),
                checksum: generation.template_checksum,
                commit: generation.template_commit.clone(),
            },
            by: self.controller.actor.0.clone(),
            wanted_on: target.map(|target| self.stacks.wanted_on(target)).unwrap_or_default(),
            pool,
        }
    }
}
