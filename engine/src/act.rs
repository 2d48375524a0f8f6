//! What operators do with services that are installed: start, stop, look, uninstall, .. On many nodes at once; what one of
//! them meets stops no other.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use ays_actions::Outcome as ActionOutcome;
use ays_catalogue::{Catalogue, LockHolder, RunEnd, ServiceOnNode, ServiceState, Timestamp};
use ays_model::{Event, LockScope, RunAction, RunResult, StepName, Target, causes};
use ays_protocol::{ProcessSeen, RemovedService};
use ays_recipes::Recipe;
use ays_transport::{Helper, OpenError, Session, Transport};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use crate::install_error::InstallError;
use crate::lifecycle::{Lifecycle, LifecycleError, Task};
use crate::local_methods::{self, LOCAL};
use crate::method_state::MethodState;
use crate::other_services::OtherServices;
use crate::plan::refuse_what_cannot_be_done;
use crate::run_log::{Events, Tell};
use crate::send_tree::GitTree;
use crate::service_on_node::{OnNode, shown};
use crate::stop::Stop;

/// A node, and the services on it that are meant, those that others need before these.
#[derive(Debug)]
pub struct ServicesOn {
    /// The node.
    pub target: Target,
    /// The services, each with its files from git.
    pub services: Vec<(Recipe, Vec<GitTree>)>,
}

/// An action on services.
pub struct Act<'a> {
    /// What is done.
    pub action: RunAction,
    /// What `execute` is given.
    pub command: Option<&'a str>,
    /// Where it is recorded.
    pub catalogue: &'a Catalogue,
    /// The directory of the runs' logs.
    pub logs: &'a Path,
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// Who does what methods ask of other services.
    pub others: &'a dyn OtherServices,
    /// The most nodes at work at once.
    pub parallel: NonZeroUsize,
    /// Who does it: for the records.
    pub by: &'a str,
}

/// What the work on all nodes has in common.
struct Common<'a> {
    /// A UUID: the records of all of it have it.
    rollout: &'a str,
    stop: &'a Stop,
    tell: Tell<'a>,
}

/// What an action on a service came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acted {
    /// Its processes as they were seen last.
    pub processes: Vec<ProcessSeen>,
    /// Whether what was looked at is as it should be; an action that does something has come to its end.
    pub is_up: bool,
    /// What was removed.
    pub removed: Option<RemovedService>,
}

/// What an action on a node came to: of each of its services, in their order; or why the node was not reached.
pub type ActedOn = Result<Vec<Result<Acted, InstallError>>, InstallError>;

impl Act<'_> {
    /// Does it on all nodes; their results, in their order.
    pub async fn run(&self, nodes: &[ServicesOn], stop: &Stop, tell: Tell<'_>) -> Vec<ActedOn> {
        let permits = Semaphore::new(self.parallel.get());
        let rollout = uuid::Uuid::new_v4().to_string();
        let common = Common { rollout: &rollout, stop, tell };
        let (permits, common) = (&permits, &common);
        let mut running: FuturesUnordered<_> = nodes
            .iter()
            .enumerate()
            .map(|(number, on)| {
                Box::pin(async move {
                    let acted = tokio::select! {
                        _permit = permits.acquire() => self.on_node(on, common).await,
                        () = stop.after_steps() => Err(InstallError::Interrupted),
                    };
                    (number, acted)
                })
            })
            .collect();
        let mut results = BTreeMap::new();
        while let Some((number, acted)) = running.next().await {
            results.insert(number, acted);
        }
        results.into_values().collect()
    }

    async fn on_node(&self, on: &ServicesOn, common: &Common<'_>) -> ActedOn {
        let stop = common.stop;
        if on.services.is_empty() {
            return Ok(Vec::new());
        }
        let opened = tokio::select! {
            opened = Session::open(&on.target, self.transport) => opened,
            () = stop.now() => return Err(InstallError::Interrupted),
        };
        let mut session = opened.map_err(|error| match error {
            OpenError::Connect(error) => error.into(),
            OpenError::Helper(source) => InstallError::Step { step: StepName::Connect, source },
        })?;
        let mut order: Vec<usize> = (0..on.services.len()).collect();
        if self.action.is_backwards() {
            order.reverse();
        }
        let (mut results, mut is_left) = (BTreeMap::new(), false);
        for number in order {
            let (recipe, trees) = &on.services[number];
            let acted = match stop.is_wanted() {
                true => Err(InstallError::Interrupted),
                // The step that was left goes on until the session ends, without the lock that it needs.
                false if is_left => Err(InstallError::LockLost),
                false => self.on_service(&mut session.helper, recipe, trees, &on.target, common).await,
            };
            is_left |= matches!(acted, Err(InstallError::LockLost));
            results.insert(number, acted);
        }
        session.close().await;
        Ok(results.into_values().collect())
    }

    async fn on_service(
        &self,
        helper: &mut Helper,
        recipe: &Recipe,
        trees: &[GitTree],
        target: &Target,
        &Common { rollout, stop, tell }: &Common<'_>,
    ) -> Result<Acted, InstallError> {
        let service = ServiceOnNode {
            service: recipe.template.clone(),
            instance: recipe.instance.clone(),
            node: target.name().clone(),
        };
        let node = &service.node;
        let state = MethodState::of(self.catalogue.service_state(&service).await?);
        refuse_what_cannot_be_done(recipe, self.action, state.clone())?;
        if self.action.only_looks() {
            return tokio::select! {
                acted = self.walk(helper, (recipe, trees), target, state, None) => acted,
                () = stop.now() => Err(InstallError::Interrupted),
            };
        }
        let mut events = Events::begin(self.logs, &recipe.template, node, tell)
            .map_err(|(path, source)| InstallError::Log { path, source })?;
        let scope = LockScope::Service {
            template: service.service.clone(),
            instance: service.instance.clone(),
            node: node.clone(),
        };
        let on_wait = |holder: &LockHolder| events.send(Event::Waiting { message: holder.to_string() });
        let scopes = [scope.to_string()];
        let lock = tokio::select! {
            lock = self.catalogue.wait_for_lock(&scopes, self.by, on_wait) => lock?,
            () = stop.after_steps() => return Err(InstallError::Interrupted),
        };
        let begun =
            self.catalogue.begin_run(&service, self.action, rollout, events.path(), &Timestamp::now()).await;
        let run = match begun {
            Ok(run) => run,
            Err(error) => {
                lock.release().await?;
                return Err(error.into());
            }
        };
        events.send(Event::RunStarted {
            template: recipe.template.clone(),
            instance: recipe.instance.clone(),
            checksum: recipe.checksum,
            commit: recipe.commit.clone(),
        });
        let walking = async {
            // Killed from here on, nothing says that it is installed: the next install does all of it.
            let forgets = matches!(self.action, RunAction::Uninstall | RunAction::Reset);
            if forgets {
                self.catalogue.forget_installed(&service).await?;
            }
            let kept = self.catalogue.service_state(&service).await?;
            let goes_on = !kept.methods.is_empty();
            let state = MethodState::of(kept);
            if goes_on {
                // Whatever is done now, no install that came to no end is gone on with.
                self.catalogue.set_service_state(&service, &state.kept(recipe)).await?;
            }
            let acted =
                self.walk(helper, (recipe, trees), target, state, Some((&service, &mut events))).await?;
            if forgets {
                self.catalogue.set_service_state(&service, &ServiceState::default()).await?;
                if let Some(name) = recipe.service() {
                    // What stays is in nobody's way.
                    let all = self.logs.with_file_name(LOCAL);
                    let _ = std::fs::remove_dir_all(local_methods::directory(&all, &name, node.as_str()));
                }
            }
            Ok(acted)
        };
        let acted = tokio::select! {
            acted = walking => acted,
            () = lock.lost() => Err(InstallError::LockLost),
            () = stop.now() => Err(InstallError::Interrupted),
        };
        let (end, result, message) = match &acted {
            Ok(acted) => (RunEnd::Succeeded, RunResult::Done, self.said(acted)),
            Err(InstallError::Interrupted) => {
                (RunEnd::Interrupted, RunResult::Interrupted, InstallError::Interrupted.to_string())
            }
            Err(error) => (RunEnd::Failed, RunResult::Failed, causes(error)),
        };
        events.send(Event::RunFinished { result, message: message.clone() });
        let recorded = self.catalogue.end_run(run, end, Some(&message), &Timestamp::now()).await;
        // A lock that was lost belongs to another run: releasing it does nothing.
        let released = lock.release().await;
        let acted = acted?;
        recorded?;
        released?;
        Ok(acted)
    }

    /// What a run that went well is told to have done.
    fn said(&self, acted: &Acted) -> String {
        let past = match self.action {
            RunAction::Start => "started",
            RunAction::Stop => "stopped",
            RunAction::Restart => "restarted",
            RunAction::Uninstall => "uninstalled",
            RunAction::Reset => "reset",
            other => return format!("{} done", other.as_str()),
        };
        match &acted.processes[..] {
            [] => past.to_owned(),
            _ if matches!(self.action, RunAction::Start | RunAction::Restart) => {
                format!("{past}: {}", shown(&acted.processes))
            }
            _ => past.to_owned(),
        }
    }

    async fn walk(
        &self,
        helper: &mut Helper,
        (recipe, trees): (&Recipe, &[GitTree]),
        target: &Target,
        state: MethodState,
        mut recorded: Option<(&ServiceOnNode, &mut Events<'_>)>,
    ) -> Result<Acted, InstallError> {
        let mut acted = Acted { is_up: true, ..Acted::default() };
        let local = self.logs.with_file_name(LOCAL);
        let mut lifecycle = Lifecycle::of(recipe, self.action, state).with_command(self.command);
        let mut outcome = ActionOutcome::Done;
        loop {
            let next = lifecycle.next(outcome);
            if let (Some(state), Some((service, _))) = (lifecycle.left_to_keep(), &recorded) {
                self.catalogue.set_service_state(service, &state.kept(recipe)).await?;
            }
            let task = match next {
                Ok(task) => task,
                // That it is not as it should be is what was to be found out.
                Err(LifecycleError::Method { .. }) if self.action.only_looks() => {
                    acted.is_up = false;
                    return Ok(acted);
                }
                Err(error) => return Err(error.into()),
            };
            let Some(task) = task else { return Ok(acted) };
            if let Task::Register(_) = task {
                return Err(InstallError::OnlyInstalled);
            }
            let is_check_up = matches!(task, Task::CheckUp);
            let mut on_node = OnNode {
                recipe,
                trees,
                helper: &mut *helper,
                target,
                local: &local,
                others: Some(self.others),
                events: recorded.as_mut().map(|(_, events)| &mut **events),
                seen: &mut acted.processes,
                removed: &mut acted.removed,
            };
            outcome = on_node.perform(task).await?;
            if is_check_up && outcome == ActionOutcome::Bool(false) && !self.action.only_looks() {
                return Err(InstallError::NotUp { seen: shown(&acted.processes) });
            }
        }
    }
}
