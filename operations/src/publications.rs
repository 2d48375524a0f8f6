//! What was published: told, tried again, removed, and mended after whatever happened.

use ays_catalogue::{
    CloudObject, LockHolder, ObjectState, Publication, PublicationEnd, PublicationFilter, PublicationId,
    PublicationStatus, Timestamp,
};
use ays_engine::{Stop, now};
use ays_model::{Event, NodeName};
use ays_publish::{Ledger, Target};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::cloud_accounts::{not_done, with_secrets};
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::problem::Problem;
use crate::publication_work::{Work, publication};
use crate::publish_image::{PublishImage, PublishedTo};

/// Why a publication is not what was asked for.
#[derive(Debug, thiserror::Error)]
enum NoPublication {
    #[error("{0}")]
    Taken(LockHolder),
    #[error("publication {0} is under way, or whoever was at it is gone")]
    Running(PublicationId),
    #[error("publication {0} is not under way")]
    Over(PublicationId),
    #[error("publication {0} was removed")]
    Removed(PublicationId),
    #[error("{0} object(s) that it made may be there still")]
    Left(usize),
}

/// The publications that agree with the filter, the newest first.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn publications(
    controller: Controller,
    filter: PublicationFilter,
) -> Result<Vec<Publication>, Error> {
    Ok(controller.catalogue.publications(&filter).await?)
}

/// What a publication has made.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn ledger(controller: &Controller, id: PublicationId) -> Result<Vec<CloudObject>, Error> {
    let mut objects = controller.catalogue.ledger(id).await?;
    for object in &mut objects {
        // What stands behind the `?` of an address lets somebody go on with an upload.
        if let Some((shown, _)) = object.cloud_id.as_deref().and_then(|id| id.split_once('?')) {
            object.cloud_id = Some(shown.to_owned());
        }
    }
    Ok(objects)
}

/// Ends a publication that is under way, whoever is at it; what it made is removed then.
///
/// # Errors
///
/// There is none, or it is not under way.
pub async fn cancel_publication(controller: Controller, id: PublicationId) -> Result<(), Error> {
    publication(&controller, id).await?;
    match controller.catalogue.cancel_publication(id, &controller.actor.0).await? {
        true => Ok(()),
        false => Err(Error::new(Kind::Usage, NoPublication::Over(id))),
    }
}

/// Tries a publication again that came to nothing: it goes on with what is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryPublication {
    /// Its number.
    pub id: PublicationId,
}

impl RetryPublication {
    /// Tries it.
    ///
    /// # Errors
    ///
    /// There is none, or it was removed.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<PublishedTo>, Error> {
        let before = publication(&controller, self.id).await?;
        match before.status {
            PublicationStatus::Removed => {
                return Err(Error::new(Kind::Usage, NoPublication::Removed(self.id)));
            }
            // What is done is told to be there.
            PublicationStatus::Running
            | PublicationStatus::Failed
            | PublicationStatus::Cancelled
            | PublicationStatus::Done => {}
        }
        let again = PublishImage {
            image: before.image_id.0.to_string(),
            generation: Some(before.generation),
            accounts: vec![before.account],
            fields: before.fields,
            overwrite: before.overwrite && before.status != PublicationStatus::Done,
            accept_licence: false,
            keep: before.keep,
        };
        again.run(controller, ssh, stop, tell).await
    }
}

/// Removes a publication.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemovePublication {
    /// Its number.
    pub id: PublicationId,
    /// What it made at the cloud is removed too; else it stays there.
    pub remote: bool,
}

/// A publication that is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedPublication {
    /// Its number.
    pub id: PublicationId,
    /// What it made and is there still.
    pub kept: Vec<CloudObject>,
}

impl RemovePublication {
    /// Removes it.
    ///
    /// # Errors
    ///
    /// There is none, or what it made could not be removed.
    pub async fn run(
        self,
        controller: Controller,
        _ssh: SshSettings,
        _stop: Stop,
        tell: Tell,
    ) -> Result<RemovedPublication, Error> {
        let of = publication(&controller, self.id).await?;
        if self.remote {
            let removed = remove(&controller, &of, &PublicationEnd::Removed, &tell).await?;
            let left = removed.map_err(|holder| Error::new(Kind::Failed, NoPublication::Taken(holder)))?;
            if left > 0 {
                let error = Error::new(Kind::Failed, NoPublication::Left(left));
                return Err(error.with_cure("the same command tries again what is left"));
            }
        } else {
            if of.status == PublicationStatus::Running {
                let running = Error::new(Kind::Usage, NoPublication::Running(self.id));
                return Err(running.with_cure("`ays publication cancel` or `ays recover` ends it first"));
            }
            let owner = controller.owner().await?;
            let ledger = Ledger::of(controller.catalogue.clone(), &owner.catalogue, self.id);
            for object in ledger.open().await? {
                ledger.kept(&object).await?;
            }
            controller
                .catalogue
                .end_publication(self.id, &PublicationEnd::Removed, &Timestamp::now())
                .await?;
        }
        let objects = controller.catalogue.ledger(self.id).await?;
        let kept = objects.into_iter().filter(|object| object.state == ObjectState::Kept).collect();
        Ok(RemovedPublication { id: self.id, kept })
    }
}

async fn remove(
    controller: &Controller,
    of: &Publication,
    end: &PublicationEnd,
    tell: &Tell,
) -> Result<Result<usize, LockHolder>, Error> {
    let account = with_secrets(controller, &of.account).await?;
    let target = Target::of(&account).map_err(not_done)?;
    let work = Work {
        controller,
        target: &target,
        id: of.id,
        account: &of.account,
        fields: &of.fields,
        keep: of.keep,
    };
    work.remove(end, tell).await
}

/// Ends what came to no end: what was made and is of no use is removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recover {
    /// Only with this account; none: with all.
    pub account: Option<String>,
}

/// What a recovery came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovered {
    /// The publications that came to no end, and what became of each: why not all that it made was removed, or none.
    pub ended: Vec<(PublicationId, Option<Problem>)>,
    /// Objects at clouds that carry this catalogue's mark, and that no ledger names.
    pub strays: Vec<Stray>,
}

/// An object that no ledger names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stray {
    /// The account with which it was found.
    pub account: String,
    /// What the cloud calls it.
    pub cloud_id: String,
    /// Its mark.
    pub mark: String,
}

impl Recover {
    /// Does it. What somebody is at is left alone; doing it twice does nothing more.
    ///
    /// # Errors
    ///
    /// Those of the catalogue.
    pub async fn run(
        self,
        controller: Controller,
        _ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Recovered, Error> {
        let filter = PublicationFilter { account: self.account.clone(), ..PublicationFilter::default() };
        let all = controller.catalogue.publications(&filter).await?;
        let mut recovered = Recovered::default();
        for of in all.iter().rev() {
            if stop.is_wanted() {
                return Err(Error::interrupted());
            }
            let is_open = match of.status {
                PublicationStatus::Running => true,
                PublicationStatus::Failed | PublicationStatus::Cancelled => {
                    let objects = controller.catalogue.ledger(of.id).await?;
                    objects
                        .iter()
                        .any(|object| matches!(object.state, ObjectState::Intended | ObjectState::Made))
                }
                PublicationStatus::Done | PublicationStatus::Removed => false,
            };
            if !is_open {
                continue;
            }
            let end = match (of.status, &of.problem) {
                (PublicationStatus::Cancelled, _) => PublicationEnd::Cancelled,
                (_, Some(problem)) => PublicationEnd::Failed(problem.clone()),
                (_, None) => PublicationEnd::Failed("whoever was at it was gone".to_owned()),
            };
            let problem = match remove(&controller, of, &end, &tell).await {
                Ok(Ok(0)) => None,
                Ok(Err(holder)) => {
                    let account = NodeName::from(of.account.as_str());
                    let message = format!("publication {} is left alone: {holder}", of.id);
                    tell(now(&account, Event::Warning { message }));
                    continue;
                }
                Ok(Ok(left)) => Some(Problem::from(&Error::new(Kind::Failed, NoPublication::Left(left)))),
                Err(error) => Some(Problem::from(&error)),
            };
            recovered.ended.push((of.id, problem));
        }
        recovered.strays = self.strays(&controller, &tell).await?;
        Ok(recovered)
    }

    /// Looks at all accounts for what no ledger names. One that cannot be asked is told.
    async fn strays(&self, controller: &Controller, tell: &Tell) -> Result<Vec<Stray>, Error> {
        let begin = Ledger::marks_of(&controller.owner().await?.catalogue);
        let all = controller.catalogue.publications(&PublicationFilter::default()).await?;
        let mut strays = Vec::new();
        for known in controller.catalogue.cloud_accounts().await? {
            if self.account.as_ref().is_some_and(|only| *only != known.name) {
                continue;
            }
            let mut asked = std::collections::BTreeSet::new();
            for of in all.iter().filter(|of| of.account == known.name) {
                // The same fields lead to the same place.
                if !asked.insert(&of.fields) {
                    continue;
                }
                match find_marked(controller, of, &begin).await {
                    Ok(found) => strays.extend(found),
                    Err(error) => {
                        let message = format!("account {}: {}", known.name, ays_model::causes(&error));
                        tell(now(&NodeName::from(known.name.as_str()), Event::Warning { message }));
                    }
                }
            }
        }
        strays.sort_by(|a, b| (&a.account, &a.cloud_id).cmp(&(&b.account, &b.cloud_id)));
        strays.dedup();
        Ok(strays)
    }
}

async fn find_marked(controller: &Controller, of: &Publication, begin: &str) -> Result<Vec<Stray>, Error> {
    let account = with_secrets(controller, &of.account).await?;
    let target = Target::of(&account).map_err(not_done)?;
    let mut strays = Vec::new();
    for (cloud_id, mark) in target.marked(&of.fields, begin).await.map_err(not_done)? {
        let id = mark.strip_prefix(begin).and_then(|number| number.parse().ok()).map(PublicationId);
        let objects = match id {
            Some(id) => controller.catalogue.ledger(id).await?,
            None => Vec::new(),
        };
        let is_named = objects.iter().any(|object| {
            object.state != ObjectState::Removed
                && (object.key == cloud_id || object.cloud_id.as_deref() == Some(cloud_id.as_str()))
        });
        if !is_named {
            strays.push(Stray { account: of.account.clone(), cloud_id, mark });
        }
    }
    Ok(strays)
}
