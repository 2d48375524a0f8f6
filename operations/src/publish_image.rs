//! An image goes to clouds and registries, each by an account: planned, sent, compared, and written down before anything is
//! made there.

use std::collections::{BTreeMap, BTreeSet};

use ays_catalogue::{
    ImageDetail, NewPublication, Publication, PublicationEnd, PublicationFilter, PublicationId,
    PublicationStatus, Timestamp,
};
use ays_engine::{Stop, now};
use ays_model::{Activity, Event, NodeName, Progress, StepName};
use ays_publish::{FieldFault, Fields, Published, Target, TargetType, Weight};
use ays_transport::SshSettings;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use crate::cloud_accounts::{not_done, with_secrets};
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::licence;
use crate::problem::Problem;
use crate::publication_work::{Source, Work, facts};

/// Publishes an image with accounts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishImage {
    /// Its name or id.
    pub image: String,
    /// Which generation; none: the current one.
    pub generation: Option<u32>,
    /// The accounts' names.
    pub accounts: Vec<String>,
    /// The target's fields, by their keys.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// What has the name already is replaced.
    #[serde(default)]
    pub overwrite: bool,
    /// Whoever asks for it says yes to the licence of what is in the image.
    #[serde(default)]
    pub accept_licence: bool,
    /// What was made stays when it fails.
    #[serde(default)]
    pub keep: bool,
}

/// What a publication would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicationPlan {
    /// The account's name.
    pub account: String,
    /// The type of its target.
    pub target: String,
    /// All fields.
    pub fields: BTreeMap<String, String>,
    /// The size of the disk, in bytes.
    pub virtual_size: u64,
    /// No more than so many bytes of it are data.
    pub data: u64,
    /// How many bytes will be sent, where that is known before.
    pub sent: Option<u64>,
    /// The publication by which it is there already; none: it is not.
    pub done: Option<PublicationId>,
    /// What stands in the way.
    pub problems: Vec<ays_publish::Problem>,
}

impl PublicationPlan {
    /// Whether something stands in the way.
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| problem.weight == Weight::Error)
    }
}

/// What a publication came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedTo {
    /// The account's name.
    pub account: String,
    /// The publication's number; none: nothing was begun.
    pub publication: Option<PublicationId>,
    /// What the cloud calls the image.
    pub cloud_id: Option<String>,
    /// Where it is there.
    pub location: Option<String>,
    /// It was there before.
    pub kept: bool,
    /// Why it came to nothing.
    pub problem: Option<Problem>,
}

/// Why an image is not published.
#[derive(Debug, thiserror::Error)]
enum NotPublished {
    #[error("no account is named")]
    NoAccount,
    #[error("{}", .0.iter().map(|problem| format!("{} ({})", problem.problem, problem.cure)).collect::<Vec<_>>().join("; "))]
    Problems(Vec<ays_publish::Problem>),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fields(Vec<FieldFault>),
}

/// A publication that was thought through.
struct Planned {
    target: Target,
    new: NewPublication,
    /// The last one of the same content, account and fields.
    before: Option<Publication>,
    plan: PublicationPlan,
}

impl Planned {
    /// Whether something is to be sent.
    fn goes_on(&self) -> bool {
        self.plan.done.is_none() && !self.plan.is_refused()
    }
}

impl PublishImage {
    /// What would be done, with all that stands in its way. Nothing is sent and nothing made.
    ///
    /// # Errors
    ///
    /// There is no such image or account, or a field is wrong.
    pub async fn plan(
        &self,
        controller: &Controller,
        ssh: SshSettings,
        stop: &Stop,
    ) -> Result<Vec<PublicationPlan>, Error> {
        let source = Source::find(controller, &self.image, self.generation, ssh, stop).await?;
        let mut plans = Vec::with_capacity(self.accounts.len());
        for account in self.accounts()? {
            let known = crate::cloud_accounts::account(controller, account).await?;
            plans.push(match self.plan_one(controller, &source, account).await {
                Ok(planned) => planned.plan,
                Err(error) if error.kind == Kind::Usage => return Err(error),
                // The others are planned all the same.
                Err(error) => PublicationPlan {
                    account: known.name,
                    target: known.target,
                    fields: self.fields.clone(),
                    virtual_size: source.generation.virtual_size,
                    data: 0,
                    sent: None,
                    done: None,
                    problems: vec![ays_publish::Problem::error(
                        ays_model::causes(&error),
                        error.cure.unwrap_or_default(),
                    )],
                },
            });
        }
        Ok(plans)
    }

    /// Publishes it with all accounts side by side. What each came to is in the result; one that fails holds no other up.
    ///
    /// # Errors
    ///
    /// There is no such image, or no node has it.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<PublishedTo>, Error> {
        let accounts = self.accounts()?;
        let mut source = Source::find(&controller, &self.image, self.generation, ssh, &stop).await?;
        if self.accept_licence {
            licence::accept(&controller, &source.detail, &source.facts()).await?;
        }
        let mut plans = Vec::with_capacity(accounts.len());
        for account in &accounts {
            plans.push(tokio::select! {
                planned = self.plan_one(&controller, &source, account) => planned,
                () = stop.after_steps() => return Err(Error::interrupted()),
            });
        }
        // All of a disk is read only where it goes somewhere.
        if plans.iter().flatten().any(Planned::goes_on) {
            let reading = source.verify(|done, total| {
                let progress = Progress { activity: Activity::Verify, done, total: Some(total) };
                tell(now(&NodeName::from(""), Event::StepProgress { step: StepName::Publish, progress }));
            });
            tokio::select! {
                read = reading => read.map_err(|error| not_done(error.into()))?,
                () = stop.after_steps() => return Err(Error::interrupted()),
            }
        }
        let (controller, source, stop, tell, this) = (&controller, &source, &stop, &tell, &self);
        let work = accounts.into_iter().zip(plans).map(|(account, planned)| async move {
            let (publication, published) =
                this.publish_one(controller, source, (account, planned), stop, tell).await;
            let (done, problem) = match published {
                Ok(done) => (Some(done), None),
                Err(error) => (None, Some(Problem::from(&error))),
            };
            let kept = done.as_ref().is_some_and(|(_, kept)| *kept);
            let (cloud_id, location) = done.map(|(done, _)| (done.cloud_id, done.location)).unzip();
            PublishedTo { account: account.clone(), publication, cloud_id, location, kept, problem }
        });
        Ok(join_all(work).await)
    }

    fn accounts(&self) -> Result<Vec<&String>, Error> {
        let mut seen = BTreeSet::new();
        let accounts: Vec<_> = self.accounts.iter().filter(|name| seen.insert(*name)).collect();
        if accounts.is_empty() {
            let none = Error::new(Kind::Usage, NotPublished::NoAccount);
            return Err(none.with_cure("--account NAME; `ays account list` shows all"));
        }
        Ok(accounts)
    }

    async fn plan_one(
        &self,
        controller: &Controller,
        source: &Source,
        account: &str,
    ) -> Result<Planned, Error> {
        let account = with_secrets(controller, account).await?;
        let target = Target::of(&account).map_err(not_done)?;
        let image = source.facts();
        let mut fields: Fields = Target::defaults(account.target, &image);
        fields.extend(self.fields.clone());
        let faults = target.check_fields(&fields);
        if !faults.is_empty() {
            let wrong = Error::new(Kind::Usage, NotPublished::Fields(faults));
            return Err(wrong.with_cure("--set KEY=VALUE says a field"));
        }
        let new = NewPublication {
            image: source.detail.image.id,
            generation: source.generation.number,
            content: source.generation.content,
            account: account.name.clone(),
            target: account.target.to_string(),
            fields,
            overwrite: self.overwrite,
            keep: self.keep,
        };
        let before = last_like(controller, &new).await?;
        let own = match &before {
            Some(before) => controller.catalogue.ledger(before.id).await?,
            None => Vec::new(),
        };
        let mut problems = target.check(&image, &new.fields);
        problems.extend(account.sends_in_clear().map(|address| {
            let problem = format!("the account's secrets go to {address} in clear text");
            ays_publish::Problem::warning(
                problem,
                "where the service speaks https, make the account with that address",
            )
        }));
        // A service that is asked by a name that is none answers whatever it likes.
        if problems.iter().all(|problem| problem.weight == Weight::Warning) {
            problems.extend(target.ask(&new.fields, self.overwrite, &own).await.map_err(not_done)?);
        }
        problems.extend(licence::problem(controller, &source.detail, &image, self.accept_licence).await?);
        let begin = source.disk().look(&target.told(&new.fields)).await;
        let (data, sent) = match begin {
            Ok(begin) => {
                problems.extend(begin.left_out.iter().map(|place| {
                    ays_publish::Problem::warning(
                        format!("another file system is mounted at {place}, and is not sent"),
                        "nothing, where what starts from it needs nothing of it",
                    )
                }));
                (begin.data, begin.length)
            }
            Err(error) => {
                let cure = "`ays image check` says what is in it";
                problems.push(ays_publish::Problem::error(ays_model::causes(&error), cure));
                (0, None)
            }
        };
        let done =
            before.as_ref().filter(|before| before.status == PublicationStatus::Done && !self.overwrite);
        let plan = PublicationPlan {
            account: new.account.clone(),
            target: new.target.clone(),
            fields: new.fields.clone(),
            virtual_size: source.generation.virtual_size,
            data,
            sent,
            done: done.map(|done| done.id),
            problems,
        };
        Ok(Planned { target, new, before, plan })
    }

    async fn publish_one(
        &self,
        controller: &Controller,
        source: &Source,
        (account, planned): (&str, Result<Planned, Error>),
        stop: &Stop,
        tell: &Tell,
    ) -> (Option<PublicationId>, Result<(Published, bool), Error>) {
        let event = |event| tell(now(&account.into(), event));
        let Planned { target, new, before, plan } = match planned {
            Ok(planned) => planned,
            Err(error) => return (None, Err(error)),
        };
        if let Some(Publication { id, cloud_id: Some(cloud_id), location: Some(location), .. }) = before
            && plan.done == Some(id)
        {
            event(Event::StepDone { step: StepName::Publish, result: format!("{location} was there") });
            return (Some(id), Ok((Published { cloud_id, location }, true)));
        }
        let (errors, warnings): (Vec<_>, Vec<_>) =
            plan.problems.into_iter().partition(|problem| problem.weight == Weight::Error);
        for warning in warnings {
            event(Event::Warning { message: warning.problem });
        }
        if !errors.is_empty() {
            return (None, Err(Error::new(Kind::Failed, NotPublished::Problems(errors))));
        }
        let begun =
            controller.catalogue.begin_publication(&new, &controller.actor.0, &Timestamp::now()).await;
        let id = match begun {
            Ok((id, _)) => id,
            Err(error) => return (None, Err(error.into())),
        };
        let what = format!("{} as {}", source.detail.image.name, new.target);
        event(Event::StepStarted { step: StepName::Publish, what });
        let work = Work { controller, target: &target, id, account, fields: &new.fields, keep: self.keep };
        let done = work.publish(source, self.overwrite, stop, tell).await;
        if let Ok((Published { cloud_id, location }, _)) = &done {
            event(Event::StepDone { step: StepName::Publish, result: format!("{location}: {cloud_id}") });
            if self.overwrite
                && let Err(error) = end_replaced(controller, &target, &new, id, tell).await
            {
                let message = format!("what it replaced was not all removed: {}", ays_model::causes(&error));
                event(Event::Warning { message });
            }
        }
        (Some(id), done)
    }
}

/// Removes what is left of the publications whose place another one has taken.
async fn end_replaced(
    controller: &Controller,
    target: &Target,
    by: &NewPublication,
    id: PublicationId,
    tell: &Tell,
) -> Result<(), Error> {
    let (account, status) = (Some(by.account.clone()), Some(PublicationStatus::Done));
    let filter = PublicationFilter { account, status, ..PublicationFilter::default() };
    for old in controller.catalogue.publications(&filter).await? {
        let is_there = old.target == by.target && target.place(&old.fields) == target.place(&by.fields);
        if old.id != id && is_there {
            let work = Work {
                controller,
                target,
                id: old.id,
                account: &old.account,
                fields: &old.fields,
                keep: false,
            };
            // Somebody who is at it removes it, too.
            let _ = work.remove(&PublicationEnd::Removed, tell).await?;
        }
    }
    Ok(())
}

/// The fields of a publication of an image's current generation that nobody has to say.
pub fn publication_defaults(of: &ImageDetail, target: TargetType) -> Fields {
    of.current().map(|current| Target::defaults(target, &facts(of, current))).unwrap_or_default()
}

/// The last publication of the same content, with the same account and fields.
async fn last_like(controller: &Controller, new: &NewPublication) -> Result<Option<Publication>, Error> {
    let (image, account) = (Some(new.image), Some(new.account.clone()));
    let filter = PublicationFilter { image, account, ..PublicationFilter::default() };
    let all = controller.catalogue.publications(&filter).await?;
    let is_like = |before: &Publication| {
        before.generation == new.generation
            && before.content == new.content
            && before.target == new.target
            && before.fields == new.fields
    };
    let last = all.into_iter().find(is_like);
    Ok(last.filter(|before| before.status != PublicationStatus::Removed))
}
