//! An install on one node, from the connection to the installed state.

use std::future::Future;
use std::path::{Path, PathBuf};

use ays_catalogue::{
    Catalogue, CatalogueError, InstalledImage, NewInstalled, RunEnd, ServiceOnNode, Timestamp,
};
use ays_grammar::Diagnostic;
use ays_node::{CopyState, Fetched, Outcome, Requirements, SecretUrl};
use ays_recipes::{Action, Environment, Progress, Recipe, Value};

use crate::event::{Event, Events, Record, RunResult, Step};
use crate::helper::{Helper, HelperError};
use crate::plan::{BEFORE_FETCH, CONFIGURE, Plan, WHEN_DOWN};
use crate::register::{pool_key, wanted_on};
use crate::ssh::{ConnectError, Connection, SshSettings};
use crate::target::Target;

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
    /// The run's log cannot be made.
    #[error("{path} cannot be written", path = .path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
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

/// An install on one node.
pub struct Install<'a> {
    /// Where the recipe and the nodes are from.
    pub environment: &'a Environment,
    /// What is installed.
    pub recipe: &'a Recipe,
    /// Where.
    pub target: &'a Target,
    /// Where it is recorded.
    pub catalogue: &'a Catalogue,
    /// The directory of the runs' logs.
    pub logs: &'a Path,
    /// How nodes are reached.
    pub ssh: &'a SshSettings,
    /// Whether what is installed is left alone.
    pub mode: Mode,
    /// Who does it: for the records.
    pub by: &'a str,
}

impl Install<'_> {
    /// Installs. When `stop` completes, what is under way is ended on the node as well; the next run goes on from there.
    pub async fn run(
        &self,
        stop: impl Future<Output = ()>,
        render: &mut (dyn FnMut(&Record) + Send),
    ) -> Result<Installed, InstallError> {
        let plan = Plan::new(self.recipe, self.target, &wanted_on(self.environment, self.target))?;
        let node = self.target.name();
        let mut events = Events::begin(self.logs, &self.recipe.template, node, render)
            .map_err(|(path, source)| InstallError::Log { path, source })?;
        let service = ServiceOnNode {
            service: self.recipe.template.clone(),
            instance: self.recipe.instance.clone(),
            node: node.to_owned(),
        };
        let run = self.catalogue.begin_run(&service, "install", &Timestamp::now()).await?;
        events.send(Event::RunStarted {
            template: self.recipe.template.clone(),
            instance: self.recipe.instance.clone(),
            checksum: self.recipe.checksum.clone(),
            commit: self.recipe.commit.clone(),
        });
        for message in &plan.warnings {
            events.send(Event::Warning { message: message.clone() });
        }

        let result = self.connected(&plan, &service, stop, &mut events).await;
        let (end, outcome, message) = match &result {
            Ok(Installed::Now) => (RunEnd::Succeeded, RunResult::Installed, "installed".to_owned()),
            Ok(Installed::Before) => (RunEnd::Succeeded, RunResult::Unchanged, "nothing to do".to_owned()),
            Err(InstallError::Interrupted) => {
                (RunEnd::Interrupted, RunResult::Interrupted, InstallError::Interrupted.to_string())
            }
            Err(error) => (RunEnd::Failed, RunResult::Failed, chain(error)),
        };
        let recorded = self.catalogue.end_run(run, end, Some(&message), &Timestamp::now()).await;
        events.send(Event::RunFinished { result: outcome, message });
        let installed = result?;
        recorded?;
        Ok(installed)
    }

    /// Opens the connection, works, and closes it whatever the work came to.
    async fn connected(
        &self,
        plan: &Plan,
        service: &ServiceOnNode,
        stop: impl Future<Output = ()>,
        events: &mut Events<'_>,
    ) -> Result<Installed, InstallError> {
        tokio::pin!(stop);
        events.start(Step::Connect, self.target.name());
        let connection = tokio::select! {
            connection = Connection::open(self.target, self.ssh) => connection?,
            () = &mut stop => return Err(InstallError::Interrupted),
        };
        let helper = tokio::select! {
            helper = Helper::start(&connection) => helper,
            () = &mut stop => return Err(InstallError::Interrupted),
        };
        let result = match helper {
            Err(source) => Err(InstallError::Step { step: Step::Connect.as_str(), source }),
            Ok(mut helper) => {
                let sent = if helper.sent == 0 { "" } else { ", helper sent" };
                let facts = &helper.facts;
                let here = format!("{}, {} on {}{sent}", facts.hostname, facts.os, facts.arch);
                events.done(Step::Connect, here);
                let result = tokio::select! {
                    result = self.work(plan, service, &mut helper, events) => result,
                    () = &mut stop => Err(InstallError::Interrupted),
                };
                helper.close().await;
                result
            }
        };
        connection.close().await;
        result
    }

    async fn work(
        &self,
        plan: &Plan,
        service: &ServiceOnNode,
        helper: &mut Helper,
        events: &mut Events<'_>,
    ) -> Result<Installed, InstallError> {
        if self.mode == Mode::IfNeeded && self.is_installed(service, helper, events).await? {
            return Ok(Installed::Before);
        }
        self.catalogue.forget_installed(service).await?;

        for method in BEFORE_FETCH {
            self.require(method)?;
        }
        self.check(plan, helper, events).await?;
        let mut last = None;
        for fetch in &self.recipe.fetches {
            last = Some((&fetch.url, self.fetch(fetch, helper, events).await?));
        }
        let mut image = None;
        for method in CONFIGURE {
            image = self.configure(method, last.as_ref(), helper, events).await?.or(image);
        }
        self.bring_down()?;
        for method in WHEN_DOWN {
            self.require(method)?;
        }
        let installed = NewInstalled {
            template_checksum: self.recipe.checksum.clone(),
            answers_digest: self.recipe.answers_digest.clone(),
            image,
        };
        // Stopped between the two, the next run fetches again; the other way round the download would stay for ever.
        // A file that is registered where it lies is not a download.
        if !last.is_some_and(|(_, fetched)| fetched.is_source) {
            self.remove_download(plan, helper, events).await?;
        }
        self.catalogue.set_installed(service, &installed, &Timestamp::now()).await?;
        Ok(Installed::Now)
    }

    /// Whether the template's checksum, the answers and the copy on disk agree with what was installed.
    async fn is_installed(
        &self,
        service: &ServiceOnNode,
        helper: &mut Helper,
        events: &mut Events<'_>,
    ) -> Result<bool, InstallError> {
        let Some(installed) = self.catalogue.installed(service).await? else { return Ok(false) };
        if installed.template_checksum != self.recipe.checksum
            || installed.answers_digest != self.recipe.answers_digest
        {
            return Ok(false);
        }
        match (installed.image, installed.copy) {
            (None, _) => Ok(true),
            (Some(_), Some(copy)) if copy.pool == pool_key(self.target) && copy.format == self.format() => {
                let state = self.copy_state(helper, events, &copy, None).await?;
                if state != CopyState::Good {
                    self.mark_damaged(helper, events, &copy, state).await?;
                }
                Ok(state == CopyState::Good)
            }
            (Some(_), _) => Ok(false),
        }
    }

    async fn check(
        &self,
        plan: &Plan,
        helper: &mut Helper,
        events: &mut Events<'_>,
    ) -> Result<(), InstallError> {
        let facts = &helper.facts;
        events.start(Step::Check, "platform and tools");
        if !self.recipe.supports(&facts.os, &facts.arch) {
            let (os, arch) = (facts.os.clone(), facts.arch.clone());
            return Err(InstallError::Platform { os, arch, supported: self.recipe.platforms.clone() });
        }
        let pool = plan.registers().then(|| self.target.pool().path.clone());
        let requirements = Requirements { qemu_img: plan.registers(), pool };
        match helper.run(ays_node::Step::CheckRequirements(requirements), |_| {}).await {
            Ok(Outcome::Ready) => events.done(Step::Check, "ready"),
            other => return Err(InstallError::at(Step::Check, other)),
        }
        Ok(())
    }

    async fn fetch(
        &self,
        fetch: &ays_node::Fetch,
        helper: &mut Helper,
        events: &mut Events<'_>,
    ) -> Result<Fetched, InstallError> {
        events.start(Step::Fetch, format!("{} to {}", fetch.url, fetch.dest.display()));
        match helper.run(ays_node::Step::Fetch(fetch.clone()), events.progress(Step::Fetch)).await {
            Ok(Outcome::Fetched(fetched)) => {
                let verified = if fetched.verified { "verified" } else { "not verified at its source" };
                let how = match (fetched.kept, fetched.resumed_at) {
                    (true, _) => "was there".to_owned(),
                    (false, 0) => "fetched".to_owned(),
                    (false, at) => format!("fetched, taken up again at byte {at}"),
                };
                events.done(
                    Step::Fetch,
                    format!("{how}, {} bytes, MD5 {}, {verified}", fetched.size, fetched.md5),
                );
                Ok(fetched)
            }
            other => Err(InstallError::at(Step::Fetch, other)),
        }
    }

    /// Runs a method that may act, its actions one after the other; the last image that it registered.
    async fn configure(
        &self,
        method: &'static str,
        fetched: Option<&(&SecretUrl, Fetched)>,
        helper: &mut Helper,
        events: &mut Events<'_>,
    ) -> Result<Option<InstalledImage>, InstallError> {
        let Some(script) = &self.recipe.script else { return Ok(None) };
        let mut run = script.run(method);
        let mut registered = None;
        loop {
            match run.resume(Value::None)? {
                Progress::Returned(Value::Bool(false)) => return Err(InstallError::Method { method }),
                Progress::Returned(_) => return Ok(registered),
                Progress::Action(Action::RegisterImage(image)) => {
                    // The recipe's reader has seen to it that an image has a file.
                    let Some((url, fetched)) = fetched else { return Ok(registered) };
                    registered = Some(self.register(helper, events, &image, (url, fetched)).await?);
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
        let Some(script) = &self.recipe.script else { return Ok(true) };
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

    async fn remove_download(
        &self,
        plan: &Plan,
        helper: &mut Helper,
        events: &mut Events<'_>,
    ) -> Result<(), InstallError> {
        let Some(path) = plan.removes() else { return Ok(()) };
        match helper.run(ays_node::Step::Remove(path.clone()), |_| {}).await {
            Ok(Outcome::Removed) => Ok(()),
            other => {
                events.start(Step::CleanUp, path.display().to_string());
                Err(InstallError::at(Step::CleanUp, other))
            }
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
