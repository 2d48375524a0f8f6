//! One publication, as it is worked on: nobody else is at it, all that it makes is in its ledger, and what it leaves is removed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ays_catalogue::{
    Generation, ImageDetail, Lock, LockAttempt, LockHolder, Publication, PublicationEnd, PublicationFilter,
    PublicationId, PublicationStatus, ScrubCopy, Timestamp,
};
use ays_engine::{Stop, now};
use ays_model::{Activity, Event, LockScope, NodeName, Progress, StepName, Target as Node};
use ays_publish::{Disk, DiskError, Ending, Fields, ImageFacts, Job, Ledger, Published, Target};
use ays_transport::{SshSettings, Transport};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::change_image::find;
use crate::cloud_accounts::not_done;
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::generations::{generation, verified_copies};
use crate::off_runtime::off_runtime;
use crate::selection::all_nodes;

/// How long a target may take to end in order.
const END_LIMIT: Duration = Duration::from_secs(5);

/// How often the catalogue is told how far a publication is.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// A generation of an image, and where it can be read.
pub(crate) struct Source {
    pub detail: ImageDetail,
    pub generation: Generation,
    copies: Vec<ScrubCopy>,
    nodes: Vec<Node>,
    transport: Transport,
}

impl Source {
    pub async fn find(
        controller: &Controller,
        image: &str,
        number: Option<u32>,
        ssh: SshSettings,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let detail = find(controller, image).await?;
        let generation = generation(&detail, number)?.clone();
        let copies = verified_copies(controller, &detail, &generation).await?;
        let environment = Arc::clone(&controller.environment);
        let nodes = off_runtime(stop, move || Ok(all_nodes(&environment))).await?.targets;
        Ok(Self { detail, generation, copies, nodes, transport: Transport::Ssh(ssh) })
    }

    /// Its disk.
    pub fn disk(&self) -> Disk<'_> {
        Disk { nodes: &self.nodes, transport: &self.transport, copies: &self.copies }
    }

    /// Reads its copies until one is as it should be: that one is used from now on.
    pub async fn verify(&mut self, tell: impl FnMut(u64, u64)) -> Result<(), DiskError> {
        let good = self.disk().verified(tell).await?.clone();
        self.copies = vec![good];
        Ok(())
    }

    /// What is known of it.
    pub fn facts(&self) -> ImageFacts {
        facts(&self.detail, &self.generation)
    }
}

/// What is known of a generation of an image.
pub(crate) fn facts(of: &ImageDetail, generation: &Generation) -> ImageFacts {
    ImageFacts {
        name: of.image.name.to_string(),
        generation: generation.number,
        content: generation.content,
        virtual_size: generation.virtual_size,
        category: of.image.category.clone(),
        disk: generation.disk.clone(),
    }
}

/// Why a publication came to no end.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error("there is no publication {0}")]
    Unknown(PublicationId),
    #[error("{0}")]
    Taken(LockHolder),
    #[error("the catalogue could not be reached for too long: somebody else may be at it by now")]
    LockLost,
}

/// A publication by its number.
///
/// # Errors
///
/// There is none.
pub async fn publication(controller: &Controller, id: PublicationId) -> Result<Publication, Error> {
    let filter = PublicationFilter { id: Some(id), ..PublicationFilter::default() };
    let found = controller.catalogue.publications(&filter).await?.pop();
    found.ok_or_else(|| {
        Error::new(Kind::Unknown, NotDone::Unknown(id)).with_cure("`ays publication list` shows all")
    })
}

/// A publication that is worked on.
pub(crate) struct Work<'a> {
    pub controller: &'a Controller,
    pub target: &'a Target,
    pub id: PublicationId,
    /// What the lines of its events begin with.
    pub account: &'a str,
    pub fields: &'a Fields,
    /// What was made stays when it fails.
    pub keep: bool,
}

/// What is done now, and how far it is.
#[derive(Debug, Clone, Default)]
struct State {
    message: String,
    sent: u64,
    total: Option<u64>,
}

impl Work<'_> {
    /// Publishes, or goes on; when that comes to nothing, what was made is removed, but where it is to stay. Whether it was done
    /// by the time that nobody else was at it.
    pub async fn publish(
        &self,
        source: &Source,
        overwrite: bool,
        stop: &Stop,
        tell: &Tell,
    ) -> Result<(Published, bool), Error> {
        let lock = self.lock().await?.map_err(|holder| Error::new(Kind::Failed, NotDone::Taken(holder)))?;
        let of = publication(self.controller, self.id).await?;
        if let Publication {
            status: PublicationStatus::Done,
            cloud_id: Some(cloud_id),
            location: Some(location),
            ..
        } = of
        {
            lock.release().await?;
            return Ok((Published { cloud_id, location }, true));
        }
        self.controller.catalogue.resume_publication(self.id, overwrite, self.keep).await?;
        let done = tokio::select! {
            done = self.publish_locked(source, overwrite, stop, tell) => done,
            () = lock.lost() => return Err(Error::new(Kind::Failed, NotDone::LockLost)),
        };
        // One that cannot be given back now is free soon.
        let _ = lock.release().await;
        Ok((done?, false))
    }

    /// Removes all that it made, but where it is to stay when it came to nothing, and says how it ended; how many objects may be there still. An error of the inner kind: somebody
    /// is at it, and it is left alone.
    pub async fn remove(
        &self,
        end: &PublicationEnd,
        tell: &Tell,
    ) -> Result<Result<usize, LockHolder>, Error> {
        let lock = match self.lock().await? {
            Ok(lock) => lock,
            Err(holder) => return Ok(Err(holder)),
        };
        // Whoever was at it may have come to its end meanwhile.
        let of = publication(self.controller, self.id).await?;
        if of.status == PublicationStatus::Done && *end != PublicationEnd::Removed {
            lock.release().await?;
            return Ok(Ok(0));
        }
        let ledger = self.ledger().await?;
        let settling = async {
            match end {
                PublicationEnd::Removed => self.undo(&ledger, tell).await,
                _ => self.settle(&ledger, tell).await,
            }
        };
        let removed = tokio::select! {
            removed = settling => removed,
            () = lock.lost() => return Err(Error::new(Kind::Failed, NotDone::LockLost)),
        };
        let left = removed?;
        if left == 0 {
            self.controller.catalogue.end_publication(self.id, end, &Timestamp::now()).await?;
        }
        lock.release().await?;
        Ok(Ok(left))
    }

    /// Nobody else works on it.
    async fn lock(&self) -> Result<Result<Lock, LockHolder>, Error> {
        let scopes = [LockScope::Publication(self.id.0).to_string()];
        match self.controller.catalogue.lock(&scopes, &self.controller.actor.0).await? {
            LockAttempt::Held(lock) => Ok(Ok(lock)),
            LockAttempt::Taken(holder) => Ok(Err(holder)),
        }
    }

    async fn ledger(&self) -> Result<Ledger, Error> {
        let owner = self.controller.owner().await?;
        Ok(Ledger::of(self.controller.catalogue.clone(), &owner.catalogue, self.id))
    }

    async fn publish_locked(
        &self,
        source: &Source,
        overwrite: bool,
        stop: &Stop,
        tell: &Tell,
    ) -> Result<Published, Error> {
        let ledger = self.ledger().await?;
        let (image, state) = (source.facts(), Mutex::new(State::default()));
        let account = NodeName::from(self.account);
        let told = |message: &str, sent: u64, total: Option<u64>| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            message.clone_into(&mut state.message);
            // Nothing is said of bytes by what is done after they were sent.
            if sent > 0 || total.is_some() {
                (state.sent, state.total) = (sent, total);
            }
            let State { sent, total, .. } = *state;
            drop(state);
            let progress = Progress { activity: Activity::Send, done: sent, total };
            tell(now(&account, Event::StepProgress { step: StepName::Publish, progress }));
        };
        let warn = |message| tell(now(&account, Event::Warning { message }));
        let disk = source.disk();
        let ending = Ending::default();
        let job = Job {
            image: &image,
            fields: self.fields,
            overwrite,
            disk,
            ledger: &ledger,
            ending: &ending,
            tell: &told,
            warn: &warn,
        };
        let published = {
            // It is dropped before anything is removed: a request of it might make that again.
            let mut publishing = std::pin::pin!(self.target.publish(&job));
            let published = tokio::select! {
                published = &mut publishing => Some(published),
                () = self.note(&state) => None,
                () = stop.after_steps() => None,
            };
            if published.is_none() && self.target.ends_in_order() {
                ending.want();
                // It may have come to its end just then.
                timeout(END_LIMIT, publishing).await.ok().filter(Result::is_ok)
            } else {
                published
            }
        };
        let state = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let catalogue = &self.controller.catalogue;
        // How far it came is not worth losing how it ended.
        let _ = catalogue.publication_progress(self.id, &state.message, state.sent, state.total).await;
        let (end, error) = match published {
            Some(Ok(published)) => {
                let Published { cloud_id, location } = published.clone();
                let end = PublicationEnd::Done { cloud_id, location };
                catalogue.end_publication(self.id, &end, &Timestamp::now()).await?;
                return Ok(published);
            }
            Some(Err(error)) => (PublicationEnd::Failed(ays_model::causes(&error)), not_done(error)),
            None => (PublicationEnd::Cancelled, Error::interrupted()),
        };
        let left = self.settle(&ledger, tell).await?;
        catalogue.end_publication(self.id, &end, &Timestamp::now()).await?;
        if left > 0 {
            let cure =
                format!("{left} object(s) that it made may be there still: `ays recover` removes them");
            return Err(error.with_cure(cure));
        }
        Err(error)
    }

    /// Notes in the catalogue how far it is, until somebody wants it to end. A catalogue that is away for a while holds nothing up:
    /// the lock says when it was away for too long.
    async fn note(&self, state: &Mutex<State>) {
        let mut tick = interval(NOTE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let State { message, sent, total } = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let noted = self.controller.catalogue.publication_progress(self.id, &message, sent, total).await;
            if noted.unwrap_or(false) {
                return;
            }
        }
    }

    /// What becomes of what was made when it came to nothing: it is removed, or stays where somebody said so. How many objects may
    /// be there that nobody wants.
    async fn settle(&self, ledger: &Ledger, tell: &Tell) -> Result<usize, Error> {
        if !self.keep {
            return self.undo(ledger, tell).await;
        }
        for object in ledger.open().await? {
            ledger.kept(&object).await?;
        }
        Ok(0)
    }

    /// Removes all that the ledger says may be there; how many of these are there still.
    async fn undo(&self, ledger: &Ledger, tell: &Tell) -> Result<usize, Error> {
        let account = NodeName::from(self.account);
        let mut left = 0;
        for object in ledger.open().await? {
            match self.target.undo(self.fields, &object).await {
                Ok(()) => ledger.removed(&object).await?,
                Err(error) => {
                    left += 1;
                    let (kind, name) = (&object.kind, object.cloud_id.as_ref().unwrap_or(&object.key));
                    let cure = error.cure().map(|cure| format!(" ({cure})")).unwrap_or_default();
                    let message =
                        format!("the {kind} {name} was not removed: {}{cure}", ays_model::causes(&error));
                    tell(now(&account, Event::Warning { message }));
                }
            }
        }
        Ok(left)
    }
}
