//! Runs a rollout: an install on many nodes at once, each by itself, so that what one of them meets stops no other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ays_catalogue::{Lock, LockHolder, RunEnd, ServiceOnNode, Timestamp};
use ays_model::{Event, FaultStep, LockScope, PoolKey, RunAction, RunResult, StepName, Target};
use ays_recipes::Recipe;
use ays_transport::{Connection, Faults, Helper, OpenError, Session, around};
use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Mutex, Semaphore};

use crate::delivery::{Member, Place};
use crate::install::Working;
use crate::install_error::InstallError;
use crate::plan::Plan;
use crate::rollout::{Installed, Mode, NodeResult, Rollout, SharedPool, Turn};
use crate::run_log::{Events, Tell};
use crate::stop::Stop;

/// What the installs of one rollout have in common.
struct Common<'a> {
    /// A UUID: the records of all nodes have it.
    id: String,
    permits: Semaphore,
    turns: HashMap<PoolKey, Arc<Mutex<SharedPool>>>,
    stop: &'a Stop,
    faults: Option<&'a Arc<Faults>>,
    tell: Tell<'a>,
}

/// A helper that passes on what it has while other nodes need it.
struct Parked {
    helper: Helper,
    members: Vec<Member>,
    /// Ends after the helper.
    _connection: Connection,
}

impl Rollout<'_> {
    /// Installs on all targets; their results, in the targets' order. The error is one that met all of them.
    pub async fn run(
        &self,
        targets: &[Target],
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Result<Vec<NodeResult>, InstallError> {
        self.run_with(targets, stop, tell, None).await
    }

    /// The same with what a rehearsal lets go wrong.
    pub(crate) async fn run_with(
        &self,
        targets: &[Target],
        stop: &Stop,
        tell: Tell<'_>,
        faults: Option<&Arc<Faults>>,
    ) -> Result<Vec<NodeResult>, InstallError> {
        let older = self.stacks.write(self.catalogue, targets, self.by).await?;
        let mut plans = Vec::with_capacity(targets.len());
        for target in targets {
            plans.push(Plan::new(self.recipe, target, &self.stacks.wanted_on(target), self.starting)?);
        }
        if let Some(plan) = plans.first_mut() {
            plan.warnings.extend(older);
        }
        let registers = plans.iter().any(Plan::registers);
        let common = Common {
            id: uuid::Uuid::new_v4().to_string(),
            permits: Semaphore::new(self.parallel.get()),
            turns: if registers { turns(targets) } else { HashMap::new() },
            stop,
            faults,
            tell,
        };
        let (places, given) = self.places(targets)?;
        let mut running: FuturesUnordered<_> = targets
            .iter()
            .zip(&plans)
            .zip(places)
            .enumerate()
            .map(|(number, ((target, plan), places))| {
                let common = &common;
                // Each of them is large: they are not moved about.
                Box::pin(async move { (number, self.one(common, target, plan, places).await) })
            })
            .collect();
        let installing = async {
            let mut results: BTreeMap<usize, NodeResult> = BTreeMap::new();
            while let Some((number, result)) = running.next().await {
                results.insert(number, result);
            }
            results.into_values().collect()
        };
        Ok(match (&self.file, &self.recipe.downloads[..], given) {
            (Some(file), [download], Some(delivery)) => {
                join(installing, file.give(download, &delivery)).await.0
            }
            _ => installing.await,
        })
    }

    /// All of one node, from its turn to its last event.
    async fn one(
        &self,
        common: &Common<'_>,
        target: &Target,
        plan: &Plan,
        places: Vec<Option<Place>>,
    ) -> NodeResult {
        let permit = tokio::select! {
            permit = common.permits.acquire() => permit,
            () = common.stop.after_steps() => return Err(InstallError::Interrupted),
        };
        let node = target.name();
        let mut events = Events::begin(self.logs, &self.recipe.template, node, common.tell)
            .map_err(|(path, source)| InstallError::Log { path, source })?;
        let service = ServiceOnNode {
            service: self.recipe.template.clone(),
            instance: self.recipe.instance.clone(),
            node: node.clone(),
        };
        events.send(Event::RunStarted {
            template: self.recipe.template.clone(),
            instance: self.recipe.instance.clone(),
            checksum: self.recipe.checksum,
            commit: self.recipe.commit.clone(),
        });
        let mut parked = None;
        let result = self.locked(common, target, plan, &service, places, &mut events, &mut parked).await;
        let (_, outcome, message) = ended(&result);
        events.send(Event::RunFinished { result: outcome, message });
        drop(permit);
        if let Some(parked) = parked {
            parked.serve(common.stop).await;
        }
        result
    }

    /// What is done under the lock of the service on the node, from the begin to the end of its record.
    #[expect(clippy::too_many_arguments, reason = "all of it belongs to the one node")]
    async fn locked(
        &self,
        common: &Common<'_>,
        target: &Target,
        plan: &Plan,
        service: &ServiceOnNode,
        places: Vec<Option<Place>>,
        events: &mut Events<'_>,
        parked: &mut Option<Parked>,
    ) -> NodeResult {
        // The pool's lock goes first. A rollout keeps it until the last of the pool's nodes is done: of two rollouts, one that
        // had a node's lock and waited for the pool would keep the other from ever being done with that node.
        let turn = self.turn(common, target, events).await?;
        let scope = LockScope::Service {
            template: service.service.clone(),
            instance: service.instance.clone(),
            node: service.node.clone(),
        };
        let lock = self.lock(common, scope, events).await?;
        let action = match self.mode {
            Mode::IfNeeded => RunAction::Install,
            Mode::Again => RunAction::Reinstall,
        };
        let (catalogue, now) = (self.catalogue, Timestamp::now());
        let run = catalogue.begin_run(service, action, &common.id, events.path(), &now).await?;
        for message in &plan.warnings {
            events.send(Event::Warning { message: message.clone() });
        }
        let working = self.connected(common, target, plan, service, (places, turn), events);
        let result = tokio::select! {
            (result, left) = working => {
                *parked = left;
                result
            }
            () = lock.lost() => Err(InstallError::LockLost),
        };
        let (end, _, message) = ended(&result);
        let recorded = self.catalogue.end_run(run, end, Some(&message), &Timestamp::now()).await;
        // A lock that was lost belongs to another run: releasing it does nothing.
        let released = lock.release().await;
        let installed = result?;
        recorded?;
        released?;
        Ok(installed)
    }

    /// Opens the connection, works, and closes it whatever the work came to, unless other nodes need what it has.
    async fn connected(
        &self,
        common: &Common<'_>,
        target: &Target,
        plan: &Plan,
        service: &ServiceOnNode,
        (places, turn): (Vec<Option<Place>>, Option<Turn>),
        events: &mut Events<'_>,
    ) -> (NodeResult, Option<Parked>) {
        events.start(StepName::Connect, target.name().as_str());
        let opened = tokio::select! {
            opened = around(common.faults.map(Arc::as_ref), FaultStep::Connect, self.open(target)) => opened,
            () = common.stop.now() => Err(InstallError::Interrupted),
        };
        let Session { mut helper, connection } = match opened {
            Ok(opened) => opened,
            Err(error) => return (Err(error), None),
        };
        helper.faults = common.faults.cloned();
        let sent = if helper.sent == 0 { "" } else { ", helper sent" };
        let facts = &helper.facts;
        let here = format!("{}, {} on {}{sent}", facts.hostname, facts.os, facts.arch);
        events.done(StepName::Connect, here);
        let mut working = Working {
            rollout: self,
            target,
            plan,
            service,
            stop: common.stop,
            connection,
            helper,
            events,
            places,
            members: Vec::new(),
            turn,
        };
        let result = tokio::select! {
            result = working.work() => result,
            () = common.stop.now() => Err(InstallError::Interrupted),
        };
        let Working { connection, mut helper, members, events, .. } = working;
        for message in helper.warnings.drain(..) {
            events.send(Event::Warning { message });
        }
        // Also when a later step failed: what it has is whole.
        if !members.is_empty() {
            return (result, Some(Parked { helper, members, _connection: connection }));
        }
        drop(members);
        helper.close().await;
        (result, None)
    }

    /// The turn of a target's pool, where several targets share it. The lock on the pool stays until the last of them is
    /// done.
    async fn turn(
        &self,
        common: &Common<'_>,
        target: &Target,
        events: &mut Events<'_>,
    ) -> Result<Option<Turn>, InstallError> {
        let key = target.pool_key();
        let Some(turn) = common.turns.get(&key) else { return Ok(None) };
        let mut turn = tokio::select! {
            turn = Arc::clone(turn).lock_owned() => turn,
            () = common.stop.after_steps() => return Err(InstallError::Interrupted),
        };
        if turn.lock.is_none() {
            let Recipe { template, instance, .. } = self.recipe;
            let (template, instance) = (template.clone(), instance.clone());
            let scope = LockScope::Pool { template, instance, gid: key.gid, pool: key.name };
            turn.lock = Some(self.lock(common, scope, events).await?);
        }
        Ok(Some(turn))
    }

    /// Waits until nobody else is at work on the same, and says for whom it waits.
    async fn lock(
        &self,
        common: &Common<'_>,
        scope: LockScope,
        events: &mut Events<'_>,
    ) -> Result<Lock, InstallError> {
        let on_wait = |holder: &LockHolder| events.send(Event::Waiting { message: holder.to_string() });
        let scopes = [scope.to_string()];
        tokio::select! {
            lock = self.catalogue.wait_for_lock(&scopes, self.by, on_wait) => Ok(lock?),
            () = common.stop.after_steps() => Err(InstallError::Interrupted),
        }
    }

    async fn open(&self, target: &Target) -> Result<Session, InstallError> {
        Session::open(target, self.transport).await.map_err(|error| match error {
            OpenError::Connect(error) => error.into(),
            OpenError::Helper(source) => InstallError::Step { step: StepName::Connect, source },
        })
    }
}

impl Parked {
    async fn serve(mut self, stop: &Stop) {
        let needed = async {
            for member in &self.members {
                member.serve(&mut self.helper).await;
            }
        };
        tokio::select! {
            () = needed => {}
            () = stop.now() => {}
        }
        drop(self.members);
        self.helper.close().await;
    }
}

/// How a node's run is recorded and told.
fn ended(result: &NodeResult) -> (RunEnd, RunResult, String) {
    match result {
        Ok(Installed::Now) => (RunEnd::Succeeded, RunResult::Installed, "installed".to_owned()),
        Ok(Installed::Before) => (RunEnd::Succeeded, RunResult::Unchanged, "nothing to do".to_owned()),
        Err(InstallError::Interrupted) => {
            (RunEnd::Interrupted, RunResult::Interrupted, InstallError::Interrupted.to_string())
        }
        Err(error) => (RunEnd::Failed, RunResult::Failed, ays_model::causes(error)),
    }
}

/// A turn for each pool that several targets share.
fn turns(targets: &[Target]) -> HashMap<PoolKey, Arc<Mutex<SharedPool>>> {
    let shared = targets.iter().filter(|target| target.pool().shared);
    shared.map(|target| (target.pool_key(), Arc::default())).collect()
}
