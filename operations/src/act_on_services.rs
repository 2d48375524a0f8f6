//! What operators do with services that are installed: start, stop, look, uninstall, ..

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use ays_catalogue::{ServiceOnNode, ServiceState};
use ays_engine::{Act, Acted, GitTree, InstallError, ServicesOn, Stop};
use ays_model::{InstanceName, NodeName, RunAction, RunResult, Target, TemplateName};
use ays_protocol::ProcessSeen;
use ays_recipes::{Answers, Dependencies, Environment, Recipe, Request, Stored};
use ays_transport::{SshSettings, Transport};
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind, of_install};
use crate::git_trees::{self, Purpose};
use crate::install::main;
use crate::off_runtime::off_runtime;
use crate::problem::Problem;
use crate::selection::{Selected, Selection};

/// An action on services that are installed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActOnServices {
    /// What is done.
    pub action: RunAction,
    /// Of which template; none: with all that is installed.
    #[serde(default)]
    pub template: Option<TemplateName>,
    /// Which instance of it.
    #[serde(default = "main")]
    pub instance: InstanceName,
    /// Where; nothing said: on this machine.
    #[serde(default)]
    pub nodes: Selection,
    /// The most nodes at work at once; none: as the settings say.
    #[serde(default)]
    pub parallel: Option<NonZeroUsize>,
    /// What `execute` of the recipe is given. It may be secret, so it is in no job.
    #[serde(skip)]
    pub command: Option<String>,
}

/// A service on a node, and what the action came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceOn {
    /// The node.
    pub node: NodeName,
    /// The template; none: the node was not reached, or its file is wrong.
    pub template: Option<TemplateName>,
    /// The instance.
    pub instance: Option<InstanceName>,
    /// How it ended.
    pub result: RunResult,
    /// Whether it is as it should be, where that was looked at.
    pub is_up: Option<bool>,
    /// Its processes.
    pub processes: Vec<ProcessSeen>,
    /// The files and directories that were removed.
    pub removed: Vec<PathBuf>,
    /// Why it did not go well.
    pub problem: Option<Problem>,
}

/// All services are meant, and an instance of one.
#[derive(Debug, thiserror::Error)]
#[error("instance `{0}` of what? Name the template with --name")]
struct NoTemplate(InstanceName);

/// A node's services: what is known of each.
type Read = Vec<(TemplateName, InstanceName, Result<Recipe, Problem>)>;

impl ActOnServices {
    /// Does it, on all nodes at once. What one of them meets stops no other.
    ///
    /// # Errors
    ///
    /// A template or node that nobody knows; the catalogue.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<ServiceOn>, Error> {
        if self.template.is_none() && self.instance != main() {
            return Err(Error::new(Kind::Usage, NoTemplate(self.instance)));
        }
        let installed = controller.catalogue.installed_services().await?;
        let (this, environment) = (self.clone(), Arc::clone(&controller.environment));
        let reading = move || {
            let Selected { targets, broken } = this.nodes.select(&environment)?;
            let of_node = |target: &Target| -> Vec<(TemplateName, InstanceName)> {
                let named = this.template.clone().map(|template| (template, this.instance.clone()));
                let here = installed.iter().filter(|service| service.node == *target.name());
                match named {
                    Some(named) => vec![named],
                    None => here.map(|of| (of.service.clone(), of.instance.clone())).collect(),
                }
            };
            if let Some(template) = &this.template {
                environment.template(template)?;
            }
            let read = |target: Target| {
                let services = of_node(&target).into_iter();
                let read: Read = services
                    .map(|(template, instance)| {
                        let recipe = recipe(&environment, &template, &instance, &target);
                        (template, instance, recipe.map_err(|error| Problem::from(&error)))
                    })
                    .collect();
                (target, read)
            };
            Ok((targets.into_iter().map(read).collect::<Vec<_>>(), broken))
        };
        let (nodes, broken) = off_runtime(&stop, reading).await?;
        let mut reports: Vec<ServiceOn> = Vec::new();
        let mut on: Vec<ServicesOn> = Vec::new();
        for (target, services) in nodes {
            let mut fit: Vec<(Recipe, Vec<GitTree>)> = Vec::new();
            for (template, instance, recipe) in services {
                match self.with_trees(recipe, &controller, &ssh, &stop).await {
                    Ok(service) => fit.push(service),
                    Err(problem) => {
                        let of = (Some(template), Some(instance));
                        reports.push(ServiceOn::failed(target.name().clone(), of, problem));
                    }
                }
            }
            on.push(ServicesOn { target, services: fit });
        }
        let others = controller.other_services(&ssh, &stop, &tell);
        let act = Act {
            action: self.action,
            command: self.command.as_deref(),
            catalogue: &controller.catalogue,
            logs: &controller.logs,
            transport: &Transport::Ssh(ssh),
            others: &*others,
            parallel: self.parallel.unwrap_or(controller.environment.settings.install.parallel),
            by: &controller.actor.0,
        };
        let results = act.run(&on, &stop, &*tell).await;
        for (on, acted) in on.iter().zip(results) {
            let node = on.target.name();
            match acted {
                Ok(all) => {
                    let services = on.services.iter().zip(all);
                    reports.extend(services.map(|((recipe, _), acted)| self.report(node, recipe, acted)));
                }
                Err(error) => {
                    let problem = Problem::of(of_install(&error), &error);
                    for (recipe, _) in &on.services {
                        let of = (Some(recipe.template.clone()), Some(recipe.instance.clone()));
                        reports.push(ServiceOn::failed(node.clone(), of, problem.clone()));
                    }
                }
            }
        }
        let broken = broken
            .into_iter()
            .map(|(node, error)| ServiceOn::failed(node, (None, None), Problem::of(Kind::Failed, &error)));
        reports.extend(broken);
        Ok(reports)
    }

    /// A recipe with the files from git that the action needs.
    async fn with_trees(
        &self,
        recipe: Result<Recipe, Problem>,
        controller: &Controller,
        ssh: &SshSettings,
        stop: &Stop,
    ) -> Result<(Recipe, Vec<GitTree>), Problem> {
        let recipe = recipe?;
        if self.action != RunAction::Build {
            return Ok((recipe, Vec::new()));
        }
        let trees = git_trees::fetch(&recipe, Purpose::Build, &controller.git_cache(), ssh, stop).await;
        trees.map(|trees| (recipe, trees)).map_err(|error| Problem::from(&error))
    }

    fn report(&self, node: &NodeName, recipe: &Recipe, acted: Result<Acted, InstallError>) -> ServiceOn {
        let of = (Some(recipe.template.clone()), Some(recipe.instance.clone()));
        match acted {
            Ok(Acted { processes, is_up, removed }) => ServiceOn {
                node: node.clone(),
                template: of.0,
                instance: of.1,
                result: RunResult::Done,
                is_up: self.action.only_looks().then_some(is_up),
                processes,
                removed: removed.map(|removed| removed.removed).unwrap_or_default(),
                problem: None,
            },
            Err(error) => ServiceOn::failed(node.clone(), of, Problem::of(of_install(&error), &error)),
        }
    }
}

impl ServiceOn {
    fn failed(
        node: NodeName,
        (template, instance): (Option<TemplateName>, Option<InstanceName>),
        problem: Problem,
    ) -> Self {
        let interrupted = problem.kind == Kind::Interrupted;
        Self {
            node,
            template,
            instance,
            result: if interrupted { RunResult::Interrupted } else { RunResult::Failed },
            is_up: None,
            processes: Vec::new(),
            removed: Vec::new(),
            problem: Some(problem),
        }
    }

    /// Whether it is not as was asked for, or not as it should be.
    pub fn is_bad(&self) -> bool {
        self.problem.is_some() || self.is_up == Some(false)
    }
}

fn recipe(
    environment: &Environment,
    template: &TemplateName,
    instance: &InstanceName,
    target: &Target,
) -> Result<Recipe, Error> {
    let request = Request {
        instance: instance.clone(),
        answers: Answers::default(),
        dependencies: Dependencies::Skip,
        nodes: vec![target.name().clone()],
        stored: Stored::Used,
        parent: None,
        seed: None,
    };
    Ok(Recipe::read(environment, environment.template(template)?, &request)?)
}

/// Forgets that services are installed, so that the next install does all of it again. Nothing is done on nodes.
///
/// # Errors
///
/// A node that nobody knows; the catalogue.
pub async fn reset_state(
    controller: Controller,
    template: TemplateName,
    instance: InstanceName,
    nodes: Selection,
    stop: Stop,
) -> Result<Vec<NodeName>, Error> {
    let environment = Arc::clone(&controller.environment);
    let selecting = move || nodes.select(&environment);
    let selected = off_runtime(&stop, selecting).await?;
    let mut forgotten = Vec::new();
    for target in selected.targets {
        let node = target.name().clone();
        let of = ServiceOnNode { service: template.clone(), instance: instance.clone(), node };
        controller.catalogue.forget_installed(&of).await?;
        // The values that methods have set are the service's, and stay.
        let values = controller.catalogue.service_state(&of).await?.values;
        let left = ServiceState { values, ..ServiceState::default() };
        controller.catalogue.set_service_state(&of, &left).await?;
        forgotten.push(of.node);
    }
    Ok(forgotten)
}
