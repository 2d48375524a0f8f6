//! `registerImage`: from a downloaded file to an image that stacks offer.
//!
//! The order is what keeps every record true: the file in the pool, then the pool's `ays-images.json`, then the
//! catalogue in one transaction. Stopped anywhere between, the next run finds what is there and goes on.

use ays_catalogue::{
    BootType, DiskFormat, ImageFacts, InstalledImage, KnownCopy, PoolKey, Registration, SourceFacts,
    StackFacts, StoredFacts, TemplateFacts, Timestamp, index_json,
};
use ays_node::{CheckCopy, CopyState, Fetched, Outcome, SecretUrl, StoreImage, Stored, WriteIndex};
use ays_recipes::{Environment, Node, RegisterImage};

use crate::event::{Event, Events, Step};
use crate::helper::{Helper, HelperError};
use crate::install::{Install, InstallError, Mode};
use crate::target::Target;

/// The pool of a target, as the catalogue names it.
pub(crate) fn pool_key(target: &Target) -> PoolKey {
    let pool = target.pool();
    PoolKey {
        gid: target.gid(),
        name: pool.name.clone(),
        node: (!pool.shared).then(|| target.name().to_owned()),
        path: pool.path.display().to_string(),
    }
}

/// All stacks of an environment, and the names of nodes whose files are wrong.
fn stacks(environment: &Environment) -> (Vec<StackFacts>, Vec<String>) {
    let (mut stacks, mut unreadable) = (Vec::new(), Vec::new());
    for (name, node) in environment.nodes() {
        match node {
            Ok(node) if node.stack => stacks.push(stack(&Target::Node(Box::new(node)))),
            Ok(_) => {}
            Err(_) => unreadable.push(name),
        }
    }
    (stacks, unreadable)
}

fn stack(target: &Target) -> StackFacts {
    StackFacts { name: target.name().to_owned(), pool: pool_key(target) }
}

/// The stacks that an install on `target` wants its image on: all that share the target's pool.
pub fn wanted_on(environment: &Environment, target: &Target) -> Vec<String> {
    if let Target::Local(_) = target {
        return vec![target.name().to_owned()];
    }
    let pool = pool_key(target);
    stacks(environment).0.into_iter().filter(|stack| stack.pool == pool).map(|stack| stack.name).collect()
}

impl Install<'_> {
    /// Registers an image whose file is `fetched`.
    pub(crate) async fn register(
        &self,
        helper: &mut Helper,
        events: &mut Events<'_>,
        image: &RegisterImage,
        (url, fetched): (&SecretUrl, &Fetched),
    ) -> Result<InstalledImage, InstallError> {
        events.start(Step::Register, image.name.clone());
        let pool = pool_key(self.target);
        let stored = match self.known_copy(helper, events, image, fetched, &pool).await? {
            Some(known) => known,
            None => self.store(helper, events, image, fetched).await?,
        };
        let registration = Registration {
            image: ImageFacts {
                name: image.name.clone(),
                description: String::new(),
                category: image.category.clone(),
                size_gb: image.size_gb,
                username: image.username.clone(),
                boot_type: match image.boot_type {
                    ays_recipes::BootType::Bios => BootType::Bios,
                    ays_recipes::BootType::Uefi => BootType::Uefi,
                },
                hot_resize: image.hot_resize,
            },
            source: SourceFacts {
                url: url.to_string(),
                etag: fetched.etag.clone(),
                last_modified: fetched.last_modified.clone(),
                md5: fetched.md5.clone(),
                sha256: fetched.sha256.clone(),
                size: fetched.size,
                verified: fetched.verified,
            },
            stored,
            template: TemplateFacts {
                name: self.recipe.template.clone(),
                checksum: self.recipe.checksum.clone(),
                commit: self.recipe.commit.clone(),
            },
            by: self.by.to_owned(),
            wanted_on: wanted_on(self.environment, self.target),
            pool,
        };
        self.set_stacks(events).await?;
        let now = Timestamp::now();
        let mut written = index_json(&self.catalogue.rehearse(&registration, &now).await?);
        self.write_index(helper, written.clone()).await?;
        let registered = self.catalogue.register(&registration, &now).await?;
        // Another run may have registered an image in the same pool between the two.
        loop {
            let offered = index_json(&self.catalogue.offers(&registration.pool).await?);
            if offered == written {
                break;
            }
            self.write_index(helper, offered.clone()).await?;
            written = offered;
        }
        let kept = if registered.new_generation { "" } else { ", as before" };
        events.done(
            Step::Register,
            format!(
                "generation {} is {} in pool {}{kept}",
                registered.number, registration.stored.file, registration.pool.name
            ),
        );
        Ok(InstalledImage { generation: registered.generation, pool: registration.pool })
    }

    /// The catalogue's stacks become the environment's, and this machine where an image was ever installed on it.
    async fn set_stacks(&self, events: &mut Events<'_>) -> Result<(), InstallError> {
        let (mut stacks, mut leave) = stacks(self.environment);
        for name in &leave {
            let message =
                format!("node `{name}`: its file is wrong, so its stack stays as it was: see `ays nodes`");
            events.send(Event::Warning { message });
        }
        match self.target {
            Target::Local(_) => stacks.push(stack(self.target)),
            Target::Node(_) => leave.push(Node::LOCAL.to_owned()),
        }
        Ok(self.catalogue.set_stacks(&stacks, &leave).await?)
    }

    async fn write_index(&self, helper: &mut Helper, content: String) -> Result<(), InstallError> {
        let index = WriteIndex { pool: self.target.pool().path.clone(), content };
        match helper.run(ays_node::Step::WriteIndex(index), |_| {}).await {
            Ok(Outcome::Written { .. }) => Ok(()),
            other => Err(InstallError::at(Step::Register, other)),
        }
    }

    /// A copy that is not as the record says is no longer offered: first in the catalogue, then in the pool.
    pub(crate) async fn mark_damaged(
        &self,
        helper: &mut Helper,
        events: &mut Events<'_>,
        copy: &KnownCopy,
        state: CopyState,
    ) -> Result<(), InstallError> {
        let how = if state == CopyState::Missing { "missing" } else { "damaged" };
        let message = format!("{} in pool {} is {how}; it is brought again", copy.file, copy.pool.name);
        events.send(Event::Warning { message });
        self.catalogue.mark_damaged(&copy.pool, &copy.file).await?;
        let offered = index_json(&self.catalogue.offers(&copy.pool).await?);
        self.write_index(helper, offered).await
    }

    /// The pool's copy of the same source, when there is one and it is as it should be.
    async fn known_copy(
        &self,
        helper: &mut Helper,
        events: &mut Events<'_>,
        image: &RegisterImage,
        fetched: &Fetched,
        pool: &PoolKey,
    ) -> Result<Option<StoredFacts>, InstallError> {
        let format = self.format();
        let known = self.catalogue.copy_of_source(&image.name, &fetched.sha256, format, pool).await?;
        let Some(known) = known else { return Ok(None) };
        // Doing it again on purpose is also how an operator has the copy read.
        let sha256 = (self.mode == Mode::Again).then(|| known.sha256.clone());
        let state = self.copy_state(helper, events, &known, sha256).await?;
        if state != CopyState::Good {
            self.mark_damaged(helper, events, &known, state).await?;
            return Ok(None);
        }
        let KnownCopy { file, sha256, size, virtual_size, .. } = known;
        Ok(Some(StoredFacts { file, format, sha256, size, virtual_size }))
    }

    /// How a copy is on the node's disk.
    pub(crate) async fn copy_state(
        &self,
        helper: &mut Helper,
        events: &mut Events<'_>,
        copy: &KnownCopy,
        sha256: Option<String>,
    ) -> Result<CopyState, InstallError> {
        let path = self.target.pool().path.join(&copy.file);
        let check = CheckCopy { path, size: copy.size, sha256, rate: None };
        match helper.run(ays_node::Step::CheckCopy(check), events.progress(Step::Register)).await {
            Ok(Outcome::Checked(state)) => Ok(state),
            other => Err(InstallError::at(Step::Register, other)),
        }
    }

    async fn store(
        &self,
        helper: &mut Helper,
        events: &mut Events<'_>,
        image: &RegisterImage,
        fetched: &Fetched,
    ) -> Result<StoredFacts, InstallError> {
        let pool = self.target.pool();
        let store = StoreImage {
            source: image.file.clone(),
            pool: pool.path.clone(),
            stem: image.stem.clone(),
            format: pool.format,
            stamp: Some(fetched.stamp),
        };
        match helper.run(ays_node::Step::StoreImage(store), events.progress(Step::Register)).await {
            Ok(Outcome::Stored(Stored { file, sha256, size, virtual_size, .. })) => {
                Ok(StoredFacts { file, format: self.format(), sha256, size, virtual_size })
            }
            other => Err(InstallError::at(Step::Register, other)),
        }
    }

    /// What the target's pool keeps its files as.
    pub(crate) fn format(&self) -> DiskFormat {
        match self.target.pool().format {
            ays_node::DiskFormat::Raw => DiskFormat::Raw,
            ays_node::DiskFormat::Qcow2 => DiskFormat::Qcow2,
        }
    }
}

impl InstallError {
    /// What a step that did not end as it should is.
    pub(crate) fn at(step: Step, result: Result<Outcome, HelperError>) -> Self {
        let source = result.err().unwrap_or(HelperError::Answer);
        Self::Step { step: step.as_str(), source }
    }
}
