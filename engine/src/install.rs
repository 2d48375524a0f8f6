//! An install on one node, from its connection to the installed state.

use std::path::PathBuf;

use ays_actions::{Outcome as ActionOutcome, RegisterImage};
use ays_catalogue::{ImageStatus, InstalledImage, InstalledPart, NewInstalled, ServiceOnNode, Timestamp};
use ays_model::{Checksum, Event, FaultStep, StepName, Target};
use ays_protocol::{CopyState, Expected, Fetch, IndexBefore, Outcome, Requirements, Step};
use ays_transport::{Connection, Helper, around};

use crate::delivery::{Member, Place};
use crate::index;
use crate::install_error::InstallError;
use crate::lifecycle::{Lifecycle, Task};
use crate::local_methods::LOCAL;
use crate::method_state::MethodState;
use crate::plan::Plan;
use crate::rollout::{Installed, Mode, Rollout, Source, Turn};
use crate::run_log::Events;
use crate::service_on_node::{OnNode, note, shown};
use crate::stop::Stop;
use crate::truth::TruthError;

/// The work of one install on one node, once it is connected.
pub(crate) struct Working<'a, 'e> {
    pub rollout: &'a Rollout<'a>,
    pub target: &'a Target,
    pub plan: &'a Plan,
    pub service: &'a ServiceOnNode,
    pub stop: &'a Stop,
    pub connection: Connection,
    pub helper: Helper,
    pub events: &'a mut Events<'e>,
    /// For each fetch of the recipe that other nodes need as well.
    pub places: Vec<Option<Place>>,
    /// What this node passes on to others.
    pub members: Vec<Member>,
    /// What the first node that has this pool has made of the images' sources.
    pub turn: Option<Turn>,
}

impl Working<'_, '_> {
    /// Does all that has to be done.
    pub async fn work(&mut self) -> Result<Installed, InstallError> {
        if self.plan.registers() {
            self.check_owner().await?;
        }
        if self.rollout.mode == Mode::IfNeeded && self.is_installed().await? {
            if self.plan.registers() {
                self.mend_index().await?;
            }
            return Ok(Installed::Before);
        }
        self.rollout.catalogue.forget_installed(self.service).await?;
        // What an image's download becomes is no file of the service.
        let kept = self.rollout.recipe.downloads.iter().enumerate();
        let kept = kept.filter(|(number, _)| !self.plan.registered.contains(number));
        let paths = kept.map(|(_, download)| download.dest.clone()).collect();
        let noted = note(&mut self.helper, self.rollout.recipe, paths).await;
        noted.map_err(|source| InstallError::Step { step: StepName::Check, source })?;

        let mut lifecycle =
            Lifecycle::new(self.rollout.recipe, self.rollout.starting, self.method_state().await?);
        let (mut sources, mut images) = (Vec::new(), Vec::new());
        let mut outcome = ActionOutcome::Done;
        // Downloads are removed before the record is written: the other way round, stopped between the two, they would
        // stay for ever.
        loop {
            let next = lifecycle.next(outcome);
            // Also where the next method failed at once.
            if let Some(state) = lifecycle.left_to_keep() {
                let kept = state.kept(self.rollout.recipe);
                self.rollout.catalogue.set_service_state(self.service, &kept).await?;
            }
            let Some(task) = next? else { break };
            outcome = self.perform(task, &mut sources, &mut images).await?;
        }
        let (registered, images) = images.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let installed = NewInstalled {
            template_checksum: self.rollout.recipe.checksum,
            answers_digest: self.rollout.recipe.answers_digest,
            images,
        };
        let faults = self.helper.faults.clone();
        around(faults.as_deref(), FaultStep::Installed, async {
            let now = Timestamp::now();
            self.rollout
                .catalogue
                .set_installed(self.service, &installed, &now)
                .await
                .map_err(InstallError::from)
        })
        .await?;
        if let Some(turn) = &mut self.turn {
            for RegisterImage { download, .. } in registered {
                turn.sources.insert(download, sources[download].clone());
            }
        }
        Ok(Installed::Now)
    }

    /// What methods have left; one that does all again does not go on from where another one has left off.
    async fn method_state(&self) -> Result<MethodState, InstallError> {
        let kept = self.rollout.catalogue.service_state(self.service).await?;
        let commits: Vec<&str> = self.rollout.trees.iter().map(|tree| tree.commit.as_str()).collect();
        let mut state = MethodState::of_install(kept, self.rollout.recipe, &commits, &self.helper.facts);
        if self.rollout.mode == Mode::Again && !state.done.is_empty() {
            // Stopped in the middle of it, nothing is gone on with.
            state.done.clear();
            let kept = state.kept(self.rollout.recipe);
            self.rollout.catalogue.set_service_state(self.service, &kept).await?;
        }
        Ok(state)
    }

    /// Does one thing on the node. `sources` is what was fetched, in the recipe's order.
    async fn perform(
        &mut self,
        task: Task,
        sources: &mut Vec<Source>,
        images: &mut Vec<(RegisterImage, InstalledImage)>,
    ) -> Result<ActionOutcome, InstallError> {
        match task {
            Task::Check => self.check().await?,
            Task::Fetch(number) => {
                let source = self.bring(number).await?;
                let is_new = !source.fetched.kept;
                sources.push(source);
                return Ok(ActionOutcome::Bool(is_new));
            }
            Task::Register(image) => {
                let source = &sources[image.download];
                let installed = match self.register(&image, source).await {
                    Err(error) if error.is_bad_image() && !source.fetched.is_source => {
                        // Nobody will use it: the next run fetches what the source has by then. Why it was refused
                        // matters more than that it stays.
                        let _ = self.helper.run(Step::Remove(image.file.clone()), |_| {}).await;
                        return Err(error);
                    }
                    registered => registered?,
                };
                images.push((image, installed));
                return Ok(ActionOutcome::REGISTERED);
            }
            // A source that the fetch found to be the download itself, through a link for one, stays.
            Task::Remove { download, .. } if sources[download].fetched.is_source => {}
            Task::Remove { path, .. } => self.remove_download(path).await?,
            task => {
                self.go_on()?;
                let is_check_up = matches!(task, Task::CheckUp);
                let (mut seen, mut removed) = (Vec::new(), None);
                let local = self.rollout.logs.with_file_name(LOCAL);
                let mut service = OnNode {
                    recipe: self.rollout.recipe,
                    trees: self.rollout.trees,
                    helper: &mut self.helper,
                    target: self.target,
                    local: &local,
                    others: self.rollout.others,
                    events: Some(&mut *self.events),
                    seen: &mut seen,
                    removed: &mut removed,
                };
                let value = service.perform(task).await?;
                if is_check_up && value == ActionOutcome::Bool(false) {
                    return Err(InstallError::NotUp { seen: shown(&seen) });
                }
                return Ok(value);
            }
        }
        Ok(ActionOutcome::Done)
    }

    /// Between two steps: whether another one may begin.
    pub fn go_on(&self) -> Result<(), InstallError> {
        if self.stop.is_wanted() { Err(InstallError::Interrupted) } else { Ok(()) }
    }

    /// Whether another node has brought the images into this pool already.
    pub fn has_neighbour(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| !turn.sources.is_empty())
    }

    /// Whether the template's checksum, the answers and the copies on disk agree with what was installed.
    async fn is_installed(&mut self) -> Result<bool, InstallError> {
        let Some(installed) = self.rollout.catalogue.installed(self.service).await? else { return Ok(false) };
        if installed.template_checksum != self.rollout.recipe.checksum
            || installed.answers_digest != self.rollout.recipe.answers_digest
        {
            return Ok(false);
        }
        // All of them, so that every copy that is not as it should be is known.
        let mut all_good = true;
        for InstalledPart { image, status, copy } in installed.parts {
            match status {
                // An install is an operator's word: it brings back what was deleted.
                ImageStatus::Deleted | ImageStatus::Destroyed => all_good = false,
                ImageStatus::Disabled => {
                    let message = format!(
                        "{image} is disabled: no stack offers it until `ays image enable {image}` makes it usable"
                    );
                    self.events.send(Event::Warning { message });
                }
                ImageStatus::Creating | ImageStatus::Created => {}
            }
            all_good &= match copy {
                Some(copy) if copy.pool == self.target.pool_key() && copy.format == self.format() => {
                    let state = self.check_copy(&copy, None).await?.state;
                    if state != CopyState::Good {
                        self.mark_damaged(&copy, state).await?;
                    }
                    state == CopyState::Good
                }
                _ => false,
            };
        }
        Ok(all_good)
    }

    /// A pool of another catalogue is refused before anything is done to it.
    async fn check_owner(&mut self) -> Result<(), InstallError> {
        let key = self.target.pool_key();
        let claim = self.rollout.own(&key, self.target).claim().await?;
        match self.helper.run(Step::CheckOwner(claim), |_| {}).await {
            Ok(Outcome::Ready) => Ok(()),
            other => Err(InstallError::at(StepName::Check, other)),
        }
    }

    /// Where there is nothing to do, the pool's index may all the same not be what the catalogue says: somebody changed or
    /// removed it.
    async fn mend_index(&mut self) -> Result<(), InstallError> {
        let key = self.target.pool_key();
        let before = index::publish(&mut self.helper, self.rollout.own(&key, self.target)).await;
        let was = match before.map_err(TruthError::from)? {
            IndexBefore::Same => return Ok(()),
            IndexBefore::Missing => "was missing",
            IndexBefore::Other => "was not what the catalogue says",
        };
        let message = format!("pool {}: its ays-images.json {was}; it was written again", key.name);
        self.events.send(Event::Warning { message });
        Ok(())
    }

    async fn check(&mut self) -> Result<(), InstallError> {
        self.go_on()?;
        let facts = &self.helper.facts;
        self.events.start(StepName::Check, "platform and tools");
        let recipe = self.rollout.recipe;
        if !recipe.supports(&facts.os, &facts.arch) {
            let (os, arch) = (facts.os.clone(), facts.arch.clone());
            return Err(InstallError::Platform { os, arch, supported: recipe.platforms.clone() });
        }
        self.count_instances().await?;
        let (registers, key) = (self.plan.registers(), self.target.pool_key());
        let pool = match registers {
            true => Some(self.rollout.own(&key, self.target).claim().await?),
            false => None,
        };
        let requirements = Requirements { qemu_img: registers, pool };
        match self.helper.run(Step::CheckRequirements(requirements), |_| {}).await {
            Ok(Outcome::Ready) => self.events.done(StepName::Check, "ready"),
            other => return Err(InstallError::at(StepName::Check, other)),
        }
        Ok(())
    }

    /// A template may say how many instances of it a node can have.
    async fn count_instances(&self) -> Result<(), InstallError> {
        let Some(most) = self.rollout.recipe.parts.max_instances else { return Ok(()) };
        let others = self.rollout.catalogue.installed_services().await?.into_iter().filter(|other| {
            other.node == self.service.node
                && other.service == self.service.service
                && other.instance != self.service.instance
        });
        let others: Vec<String> = others.map(|other| other.instance.to_string()).collect();
        if u32::try_from(others.len()).is_ok_and(|count| count < most) {
            return Ok(());
        }
        Err(InstallError::TooMany { template: self.service.service.clone(), most, others: others.join(", ") })
    }

    /// Brings one of the recipe's files, unless a neighbour in the same pool has made an image of it.
    async fn bring(&mut self, number: usize) -> Result<Source, InstallError> {
        self.go_on()?;
        let recipe = self.rollout.recipe;
        let place = self.places.get_mut(number).and_then(Option::take);
        if let Some(source) = self.turn.as_ref().and_then(|turn| turn.sources.get(&number)) {
            return Ok(source.clone());
        }
        let download = &recipe.downloads[number];
        self.events.start(StepName::Fetch, format!("{} to {}", download.url, download.dest.display()));
        let unpack = self.plan.registered.contains(&number).then(|| self.target.pool().path.clone());
        let fetch = Fetch { download: download.clone(), share: None, unpack };
        let fetched = match place {
            None => match self.helper.run(Step::Fetch(fetch), self.events.progress(StepName::Fetch)).await {
                Ok(Outcome::Fetched(fetched)) => fetched,
                other => return Err(InstallError::at(StepName::Fetch, other)),
            },
            Some(place) => {
                let mut member = place.join(self.helper.facts.address, &self.connection);
                let fetched =
                    member.fetch(&mut self.helper, fetch, self.events.progress(StepName::Fetch)).await;
                let fetched =
                    fetched.map_err(|source| InstallError::Step { step: StepName::Fetch, source })?;
                self.members.push(member);
                fetched
            }
        };
        let verified = match fetched.verified_by {
            Some(Expected::Checksum(checksum)) if !matches!(checksum, Checksum::Md5(_)) => {
                format!("verified by its {}", checksum.kind().title())
            }
            Some(Expected::Inside(checksum)) => {
                format!("the disk in it is verified by its {}", checksum.kind().title())
            }
            Some(_) => "verified".to_owned(),
            None if fetched.signed_by.is_some() => "verified".to_owned(),
            None => "not verified at its source".to_owned(),
        };
        let proven = fetched.signed_by.as_ref().map(|signer| format!(", proven by the key {signer}"));
        let how = match (fetched.kept, fetched.resumed_at) {
            (true, _) => "was there".to_owned(),
            (false, 0) => "fetched".to_owned(),
            (false, at) => format!("fetched, taken up again at byte {at}"),
        };
        self.events.done(
            StepName::Fetch,
            format!(
                "{how}, {} bytes, MD5 {}, {verified}{}",
                fetched.size,
                fetched.md5,
                proven.unwrap_or_default()
            ),
        );
        Ok(Source { url: download.url.clone(), fetched })
    }

    async fn remove_download(&mut self, path: PathBuf) -> Result<(), InstallError> {
        match self.helper.run(Step::Remove(path.clone()), |_| {}).await {
            Ok(Outcome::Removed) => Ok(()),
            other => {
                self.events.start(StepName::CleanUp, path.display().to_string());
                Err(InstallError::at(StepName::CleanUp, other))
            }
        }
    }
}
