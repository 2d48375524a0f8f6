//! `registerImage`: from a downloaded file to an image that stacks offer.
//!
//! The order is what keeps every record true: the file in the pool, then the pool's `ays-images.json`, then the
//! catalogue in one transaction. Stopped anywhere between, the next run finds what is there and goes on.

use ays_actions::RegisterImage;
use ays_catalogue::{
    ImageFacts, ImageStatus, InstalledImage, KnownCopy, LockHolder, Registered, Registration, SourceFacts,
    StoredFacts, TemplateFacts, Timestamp,
};
use ays_model::{Digest, DiskFormat, Download, Event, Inspection, PoolKey, Proof, StepName, is_archive_name};
use ays_protocol::{
    CheckCopy, CheckedCopy, CopyState, Expected, Fetched, Outcome, ReadCopy, Step, StoreImage, Stored,
};

use crate::install::Working;
use crate::install_error::InstallError;
use crate::record::{RecordError, lock_files, record_file};
use crate::rollout::{Mode, Source};
use crate::truth;

impl Working<'_, '_> {
    /// Registers an image whose file is `fetched`.
    pub(crate) async fn register(
        &mut self,
        image: &RegisterImage,
        Source { url, fetched }: &Source,
    ) -> Result<InstalledImage, InstallError> {
        self.go_on()?;
        self.events.start(StepName::Register, image.name.clone());
        let pool = self.target.pool_key();
        let (stored, found) = match self.known_copy(image, fetched, &pool).await? {
            Some(known) => (known, None),
            None => self.store(image, fetched).await.map(|(stored, found)| (stored, Some(found)))?,
        };
        let registration = Registration {
            image: ImageFacts {
                name: image.name.clone(),
                description: self.rollout.recipe.description.clone(),
                category: image.category.clone(),
                size_gb: image.size_gb,
                username: image.username.clone(),
                boot_type: image.boot_type,
                hot_resize: image.hot_resize,
            },
            source: SourceFacts {
                url: url.to_string(),
                etag: fetched.etag.clone(),
                last_modified: fetched.last_modified.clone(),
                md5: fetched.md5,
                sha256: fetched.sha256,
                size: fetched.size,
                verified_by: match fetched.verified_by {
                    Some(Expected::Checksum(checksum)) => Some(Proof::Served(checksum)),
                    Some(Expected::Inside(checksum)) => Some(Proof::Inside(checksum)),
                    None => None,
                },
                signed_by: fetched.signed_by.clone(),
                version: fetched.version.clone(),
            },
            stored,
            template: TemplateFacts {
                name: self.rollout.recipe.template.clone(),
                checksum: self.rollout.recipe.checksum,
                commit: self.rollout.recipe.commit.clone(),
            },
            by: self.rollout.by.to_owned(),
            wanted_on: self.rollout.stacks.wanted_on(self.target),
            pool,
        };
        let registered = self.record(&registration).await?;
        self.tell_of_state(&registration, &registered);
        let Registration { image, stored, .. } = &registration;
        let found = match found {
            Some(found) => found,
            None => self.inspect(&stored.file).await?,
        };
        self.tell_of_disk(&image.name, image.boot_type, found, registered.generation).await;
        let kept = if registered.new_generation { "" } else { ", as before" };
        self.events.done(
            StepName::Register,
            format!(
                "generation {} is {} in pool {}{kept}",
                registered.number, registration.stored.file, registration.pool.name
            ),
        );
        Ok(InstalledImage { generation: registered.generation, pool: registration.pool })
    }

    /// Records a stored file, which nobody removes meanwhile.
    async fn record(&mut self, registration: &Registration) -> Result<Registered, InstallError> {
        let Registration { stored, pool, .. } = registration;
        let own = self.rollout.own(pool, self.target);
        let events = &mut *self.events;
        let on_wait = |holder: &LockHolder| events.send(Event::Waiting { message: holder.to_string() });
        let lock = tokio::select! {
            lock = lock_files(&own, on_wait) => lock?,
            () = self.stop.after_steps() => return Err(InstallError::Interrupted),
        };
        let file = (self.target.pool().path.join(&stored.file), stored.size);
        let (catalogue, now) = (self.rollout.catalogue, Timestamp::now());
        let preview = catalogue.rehearse(registration, &now);
        let recorded =
            record_file(&mut self.helper, own, lock, file, preview, catalogue.register(registration, &now))
                .await;
        recorded.map_err(|error| match error {
            RecordError::Gone => InstallError::Gone { file: stored.file.clone(), pool: pool.name.clone() },
            RecordError::LockLost => InstallError::LockLost,
            RecordError::Helper(error) => InstallError::at(StepName::Register, Err(error)),
            RecordError::Catalogue(error) => error.into(),
            RecordError::Truth(error) => error.into(),
        })
    }

    /// Says why what was registered is not what stacks offer now.
    fn tell_of_state(&mut self, Registration { image, .. }: &Registration, registered: &Registered) {
        let name = &image.name;
        if registered.status == ImageStatus::Disabled {
            let message = format!(
                "{name} is disabled: no stack offers it until `ays image enable {name}` makes it usable"
            );
            self.events.send(Event::Warning { message });
        }
        if registered.undone {
            let number = registered.number;
            let message = format!(
                "generation {number} of {name} was undone, so it is not the current one: where a pool holds the current \
                 one, that is offered. `ays image undo {name} --to {number}` makes generation {number} current again"
            );
            self.events.send(Event::Warning { message });
        }
    }

    /// A copy that is not as the record says is no longer offered: first in the catalogue, then in the pool.
    pub(crate) async fn mark_damaged(
        &mut self,
        copy: &KnownCopy,
        state: CopyState,
    ) -> Result<(), InstallError> {
        let how = if state == CopyState::Missing { "missing" } else { "damaged" };
        let message = format!("{} in pool {} is {how}; it is brought again", copy.file, copy.pool.name);
        self.events.send(Event::Warning { message });
        let own = self.rollout.own(&copy.pool, self.target);
        let record = own.catalogue.mark_damaged(&copy.pool, &copy.file);
        Ok(truth::withdraw(&mut self.helper, own, record).await.map(drop)?)
    }

    /// The pool's copy of the same source, when there is one and it is as it should be.
    async fn known_copy(
        &mut self,
        image: &RegisterImage,
        fetched: &Fetched,
        pool: &PoolKey,
    ) -> Result<Option<StoredFacts>, InstallError> {
        let Download { url, member, .. } = &self.rollout.recipe.downloads[image.download];
        // One archive may have made several disks: which of them the copy is, the record does not say. A neighbour's, of
        // this very run, is the right one.
        let is_archive = member.is_some() || is_archive_name(url.expose().path());
        if is_archive && !self.has_neighbour() {
            return Ok(None);
        }
        let format = self.format();
        let known = self.rollout.catalogue.copy_of_source(&image.name, fetched.sha256, format, pool).await?;
        let Some(known) = known else { return Ok(None) };
        // Doing it again on purpose is also how an operator has the copy read; once is enough for a pool.
        let read = self.rollout.mode == Mode::Again && !self.has_neighbour();
        // One of before is read too, so that it is known by its content from now on.
        let read = read || matches!(known.digest, Digest::Sha256(_));
        let checked = self.check_copy(&known, read.then_some(known.digest)).await?;
        if checked.state != CopyState::Good {
            self.mark_damaged(&known, checked.state).await?;
            return Ok(None);
        }
        let KnownCopy { file, content, digest, size, virtual_size, .. } = known;
        let (content, digest) = match checked.named {
            Some(named) => (Digest::FsVerity(named.content), named.digest),
            None => (content, digest),
        };
        Ok(Some(StoredFacts { file, format, content, digest, size, virtual_size }))
    }

    /// How a copy is on the node's disk.
    pub(crate) async fn check_copy(
        &mut self,
        copy: &KnownCopy,
        expected: Option<Digest>,
    ) -> Result<CheckedCopy, InstallError> {
        let path = self.target.pool().path.join(&copy.file);
        let read = expected.map(|expected| ReadCopy { format: copy.format, expected });
        let check = CheckCopy { path, size: copy.size, read, rate: None };
        match self.helper.run(Step::CheckCopy(check), self.events.progress(StepName::Register)).await {
            Ok(Outcome::Checked(checked)) => Ok(checked),
            other => Err(InstallError::at(StepName::Register, other)),
        }
    }

    /// What lies in the pool then, and what is in it.
    async fn store(
        &mut self,
        image: &RegisterImage,
        fetched: &Fetched,
    ) -> Result<(StoredFacts, Result<Inspection, String>), InstallError> {
        let pool = self.target.pool();
        let store = StoreImage {
            known: None,
            source: image.file.clone(),
            member: self.rollout.recipe.downloads[image.download].member.clone(),
            pool: pool.path.clone(),
            stem: image.stem.clone(),
            format: pool.format,
            stamp: Some(fetched.stamp),
            force: self.rollout.force,
        };
        match self.helper.run(Step::StoreImage(store), self.events.progress(StepName::Register)).await {
            Ok(Outcome::Stored(Stored { file, content, digest, size, virtual_size, found, .. })) => {
                let content = Digest::FsVerity(content);
                Ok((StoredFacts { file, format: self.format(), content, digest, size, virtual_size }, found))
            }
            other => Err(InstallError::at(StepName::Register, other)),
        }
    }

    /// What the target's pool keeps its files as.
    pub(crate) fn format(&self) -> DiskFormat {
        self.target.pool().format
    }
}
