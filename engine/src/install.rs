//! An install on one node, from its connection to the installed state.

use std::path::PathBuf;

use ays_actions::{Action, Progress, Value};
use ays_catalogue::{CatalogueError, InstalledImage, NewInstalled, ServiceOnNode, Timestamp};
use ays_grammar::Diagnostic;
use ays_model::{SecretUrl, Target};
use ays_protocol::{CopyState, Fetched, Outcome, Requirements};
use ays_transport::{ConnectError, Connection, Helper, HelperError, OnPurpose, around};

use crate::delivery::{Member, Place, ShareError};
use crate::event::{Events, Step};
use crate::plan::{BEFORE_FETCH, CONFIGURE, Plan, WHEN_DOWN};
use crate::rollout::{Rollout, Turn};
use crate::stacks::{Stacks, pool_key};
use crate::stop::Stop;

/// Why an install did not end well.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The recipe asks for what cannot be done; nothing was done on the node.
    #[error(transparent)]
    Recipe(#[from] Diagnostic),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A step failed.
    #[error("{step}: {source}")]
    Step {
        /// Which.
        step: &'static str,
        /// Why.
        source: HelperError,
    },
    /// The node's platform is none that the recipe supports.
    #[error("check: the node is {os} on {arch}; the recipe supports {}", .supported.join(", "))]
    Platform {
        /// The node's system.
        os: String,
        /// Its processor.
        arch: String,
        /// What the recipe supports.
        supported: Vec<String>,
    },
    /// A method of the recipe said that it did not work.
    #[error("`{method}` of the recipe returned False")]
    Method {
        /// Its name.
        method: &'static str,
    },
    /// What ran before cannot be stopped.
    #[error("the service is still running after stop and halt")]
    StillRunning,
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Nodes cannot pass bytes to each other.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The run's log cannot be made.
    #[error("{path} cannot be written", path = .path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody else may be at work on the same by now.
    #[error("the lock was lost: this machine stood still for too long; run it again")]
    LockLost,
    /// A rehearsal lets it go wrong.
    #[error(transparent)]
    OnPurpose(#[from] OnPurpose),
    /// The operator stopped it.
    #[error("interrupted; the next run goes on from here")]
    Interrupted,
}

/// Whether what is installed is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is done when the template, the answers and the copy agree.
    IfNeeded,
    /// All of it is done (`--reinstall`).
    Again,
}

/// How an install ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// All was done.
    Now,
    /// There was nothing to do.
    Before,
}

/// The work of one install on one node, once it is connected.
pub(crate) struct Working<'a, 'e> {
    pub rollout: &'a Rollout<'a>,
    pub stacks: &'a Stacks,
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
    /// What the first node that has this pool has made of the image's source.
    pub turn: Option<Turn>,
}

/// A source, and what was fetched from it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub url: SecretUrl,
    pub fetched: Fetched,
}

impl Working<'_, '_> {
    /// Does all that has to be done.
    pub async fn work(&mut self) -> Result<Installed, InstallError> {
        if self.rollout.mode == Mode::IfNeeded && self.is_installed().await? {
            return Ok(Installed::Before);
        }
        self.rollout.catalogue.forget_installed(self.service).await?;

        for method in BEFORE_FETCH {
            self.require(method)?;
        }
        self.check().await?;
        let mut source = None;
        for number in 0..self.rollout.recipe.fetches.len() {
            source = Some(self.bring(number).await?);
        }
        let mut image = None;
        for method in CONFIGURE {
            image = self.configure(method, source.as_ref()).await?.or(image);
        }
        self.bring_down()?;
        for method in WHEN_DOWN {
            self.require(method)?;
        }
        let installed = NewInstalled {
            template_checksum: self.rollout.recipe.checksum.clone(),
            answers_digest: self.rollout.recipe.answers_digest.clone(),
            image,
        };
        // Stopped between the two, the next run fetches again; the other way round the download would stay for ever.
        // A file that is registered where it lies is not a download.
        if !source.as_ref().is_some_and(|source| source.fetched.is_source) {
            self.remove_download().await?;
        }
        let faults = self.helper.faults.clone();
        around(faults.as_deref(), "installed", async {
            let now = Timestamp::now();
            self.rollout
                .catalogue
                .set_installed(self.service, &installed, &now)
                .await
                .map_err(InstallError::from)
        })
        .await?;
        if let (Some(turn), Some(source)) = (&mut self.turn, source) {
            turn.source = Some(source);
        }
        Ok(Installed::Now)
    }

    /// Between two steps: whether another one may begin.
    pub fn go_on(&self) -> Result<(), InstallError> {
        if self.stop.is_wanted() { Err(InstallError::Interrupted) } else { Ok(()) }
    }

    /// Whether another node has brought the image into this pool already.
    pub fn has_neighbour(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.source.is_some())
    }

    /// Whether the template's checksum, the answers and the copy on disk agree with what was installed.
    async fn is_installed(&mut self) -> Result<bool, InstallError> {
        let Some(installed) = self.rollout.catalogue.installed(self.service).await? else { return Ok(false) };
        if installed.template_checksum != self.rollout.recipe.checksum
            || installed.answers_digest != self.rollout.recipe.answers_digest
        {
            return Ok(false);
        }
        match (installed.image, installed.copy) {
            (None, _) => Ok(true),
            (Some(_), Some(copy)) if copy.pool == pool_key(self.target) && copy.format == self.format() => {
                let state = self.check_copy(&copy, None).await?.state;
                if state != CopyState::Good {
                    self.mark_damaged(&copy, state).await?;
                }
                Ok(state == CopyState::Good)
            }
            (Some(_), _) => Ok(false),
        }
    }

    async fn check(&mut self) -> Result<(), InstallError> {
        self.go_on()?;
        let facts = &self.helper.facts;
        self.events.start(Step::Check, "platform and tools");
        let recipe = self.rollout.recipe;
        if !recipe.supports(&facts.os, &facts.arch) {
            let (os, arch) = (facts.os.clone(), facts.arch.clone());
            return Err(InstallError::Platform { os, arch, supported: recipe.platforms.clone() });
        }
        let registers = self.plan.registers();
        let pool = registers.then(|| self.target.pool().path.clone());
        let requirements = Requirements { qemu_img: registers, pool };
        match self.helper.run(ays_protocol::Step::CheckRequirements(requirements), |_| {}).await {
            Ok(Outcome::Ready) => self.events.done(Step::Check, "ready"),
            other => return Err(InstallError::at(Step::Check, other)),
        }
        Ok(())
    }

    /// Brings one of the recipe's files; the image's, which is the last one, only when no neighbour in the same pool has
    /// made an image of it.
    async fn bring(&mut self, number: usize) -> Result<Source, InstallError> {
        self.go_on()?;
        let recipe = self.rollout.recipe;
        let place = self.places.get_mut(number).and_then(Option::take);
        if number + 1 == recipe.fetches.len()
            && self.plan.registers()
            && let Some(source) = self.turn.as_ref().and_then(|turn| turn.source.as_ref())
        {
            return Ok(source.clone());
        }
        let fetch = &recipe.fetches[number];
        self.events.start(Step::Fetch, format!("{} to {}", fetch.url, fetch.dest.display()));
        let fetched = match place {
            None => match self
                .helper
                .run(ays_protocol::Step::Fetch(fetch.clone()), self.events.progress(Step::Fetch))
                .await
            {
                Ok(Outcome::Fetched(fetched)) => fetched,
                other => return Err(InstallError::at(Step::Fetch, other)),
            },
            Some(place) => {
                let mut member = place.join(self.helper.facts.address, &self.connection);
                let fetched =
                    member.fetch(&mut self.helper, fetch.clone(), self.events.progress(Step::Fetch)).await;
                let fetched =
                    fetched.map_err(|source| InstallError::Step { step: Step::Fetch.as_str(), source })?;
                self.members.push(member);
                fetched
            }
        };
        let verified = if fetched.verified { "verified" } else { "not verified at its source" };
        let how = match (fetched.kept, fetched.resumed_at) {
            (true, _) => "was there".to_owned(),
            (false, 0) => "fetched".to_owned(),
            (false, at) => format!("fetched, taken up again at byte {at}"),
        };
        self.events
            .done(Step::Fetch, format!("{how}, {} bytes, MD5 {}, {verified}", fetched.size, fetched.md5));
        Ok(Source { url: fetch.url.clone(), fetched })
    }

    /// Runs a method that may act, its actions one after the other; the last image that it registered.
    async fn configure(
        &mut self,
        method: &'static str,
        source: Option<&Source>,
    ) -> Result<Option<InstalledImage>, InstallError> {
        let Some(script) = &self.rollout.recipe.script else { return Ok(None) };
        let mut run = script.run(method);
        let mut registered = None;
        loop {
            match run.resume(Value::None)? {
                Progress::Returned(Value::Bool(false)) => return Err(InstallError::Method { method }),
                Progress::Returned(_) => return Ok(registered),
                Progress::Action(Action::RegisterImage(image)) => {
                    // The recipe's reader has seen to it that an image has a file.
                    let Some(source) = source else { return Ok(registered) };
                    registered = Some(self.register(&image, source).await?);
                }
            }
        }
    }

    /// Runs a method that says whether all is well.
    fn require(&self, method: &'static str) -> Result<(), InstallError> {
        if self.says(method)? { Ok(()) } else { Err(InstallError::Method { method }) }
    }

    /// What a method says; one that the recipe does not have, or that returns nothing, says yes.
    fn says(&self, method: &str) -> Result<bool, InstallError> {
        let Some(script) = &self.rollout.recipe.script else { return Ok(true) };
        Ok(script.run(method).resume(Value::None)? != Progress::Returned(Value::Bool(false)))
    }

    /// Stops what is still running from before, gently and then less so.
    fn bring_down(&self) -> Result<(), InstallError> {
        for method in ["stop", "halt"] {
            if self.says("check_down_local")? {
                return Ok(());
            }
            self.says(method)?;
        }
        if self.says("check_down_local")? { Ok(()) } else { Err(InstallError::StillRunning) }
    }

    async fn remove_download(&mut self) -> Result<(), InstallError> {
        let Some(path) = self.plan.removes() else { return Ok(()) };
        match self.helper.run(ays_protocol::Step::Remove(path.clone()), |_| {}).await {
            Ok(Outcome::Removed) => Ok(()),
            other => {
                self.events.start(Step::CleanUp, path.display().to_string());
                Err(InstallError::at(Step::CleanUp, other))
            }
        }
    }
}
