//! Installing a service on nodes, and what an install would do.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{
    InstallError, Installed, Mode, NodeResult, Plan, Rollout, Sharing, SourceAnswer, Stacks, Stop, probe,
};
use ays_model::{InstanceName, NodeName, RunResult, Target, TemplateName};
use ays_recipes::{Answers, Dependencies, Environment, NodeError, Question, Recipe, Request, Stored};
use ays_transport::{SshSettings, Transport};
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind, of_install};
use crate::off_runtime::off_runtime;
use crate::problem::Problem;
use crate::selection::{Selected, Selection};

/// An install of a service on nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Install {
    /// What is installed.
    pub template: TemplateName,
    /// Which instance of it.
    #[serde(default = "main")]
    pub instance: InstanceName,
    /// Where; nothing said: on this machine.
    #[serde(default)]
    pub nodes: Selection,
    /// Whether what is installed is left alone.
    #[serde(default)]
    pub mode: Mode,
    /// Whether an image is registered even when the disk in it is broken.
    #[serde(default)]
    pub force: bool,
    /// What becomes of the services that the template depends on.
    #[serde(default)]
    pub dependencies: Dependencies,
    /// The most nodes at work at once; none: as the settings say.
    #[serde(default)]
    pub parallel: Option<NonZeroUsize>,
    /// What the operator answered. Answers may be secret, so they are in no job: it uses those that the repository has.
    #[serde(skip)]
    pub answers: Answers,
    /// What becomes of the answers that the repository has.
    #[serde(skip)]
    pub stored: Stored,
}

/// The instance that is meant where none is named.
fn main() -> InstanceName {
    "main".into()
}

/// What an install came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallReport {
    /// The files that the answers were written to.
    pub answers: Vec<PathBuf>,
    /// Each node, those first that were tried, in the order in which they were named.
    pub nodes: Vec<InstalledOn>,
}

/// How an install ended on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledOn {
    /// Its name.
    pub node: NodeName,
    /// How.
    pub result: RunResult,
    /// Why not well.
    pub problem: Option<Problem>,
}

impl InstalledOn {
    fn new(node: NodeName, result: NodeResult) -> Self {
        let (result, problem) = match result {
            Ok(Installed::Now) => (RunResult::Installed, None),
            Ok(Installed::Before) => (RunResult::Unchanged, None),
            Err(error @ InstallError::Interrupted) => {
                (RunResult::Interrupted, Some(Problem::of(of_install(&error), &error)))
            }
            Err(error) => (RunResult::Failed, Some(Problem::of(of_install(&error), &error))),
        };
        Self { node, result, problem }
    }

    /// It was not tried, since the node's file is wrong. The nodes whose files are right were installed on.
    fn untried(node: NodeName, error: &NodeError) -> Self {
        Self { node, result: RunResult::Failed, problem: Some(Problem::of(Kind::Failed, error)) }
    }
}

/// An install that met all of its nodes with one error.
#[derive(Debug, thiserror::Error)]
#[error("{template} on {node} was not installed")]
pub struct InstallFailed {
    /// The template.
    pub template: TemplateName,
    /// The first of the nodes.
    pub node: NodeName,
    /// Why not.
    pub source: Box<InstallError>,
}

impl From<InstallFailed> for Error {
    fn from(error: InstallFailed) -> Self {
        Self::new(of_install(&error.source), error)
    }
}

/// What an install would do.
#[derive(Debug)]
pub struct PlannedInstall {
    /// A plan for each node.
    pub plans: Vec<Plan>,
    /// What the recipe's sources say, in the order of a plan's fetches.
    pub sources: Vec<SourceAnswer>,
}

impl Install {
    fn request(&self, nodes: &Selected) -> Request {
        Request {
            instance: self.instance.clone(),
            answers: self.answers.clone(),
            dependencies: self.dependencies,
            nodes: nodes.targets.iter().map(|target| target.name().clone()).collect(),
            stored: self.stored,
        }
    }

    /// What it is about, read from the environment.
    pub(crate) async fn read(&self, environment: &Arc<Environment>, stop: &Stop) -> Result<About, Error> {
        let (install, environment) = (self.clone(), Arc::clone(environment));
        let reading = move || {
            let nodes = install.nodes.select(&environment)?;
            let request = install.request(&nodes);
            let (recipe, stacks) = read(&environment, &install.template, &request)?;
            Ok(About { nodes, request, recipe, stacks })
        };
        off_runtime(stop, reading).await
    }

    /// The questions that have no answer yet, in the order of the template's file.
    ///
    /// # Errors
    ///
    /// The template or a node is not there, or is wrong.
    pub async fn questions(self, environment: Arc<Environment>, stop: Stop) -> Result<Vec<Question>, Error> {
        off_runtime(&stop, move || {
            let request = self.request(&self.nodes.select(&environment)?);
            Ok(Recipe::questions(&environment, environment.template(&self.template)?, &request)?)
        })
        .await
    }

    /// What it would do; nothing is done.
    ///
    /// # Errors
    ///
    /// The template or a node is not there, or its recipe cannot be done.
    pub async fn plan(
        self,
        environment: Arc<Environment>,
        temporary: PathBuf,
        stop: Stop,
    ) -> Result<PlannedInstall, Error> {
        let About { nodes, recipe, stacks, .. } = self.read(&environment, &stop).await?;
        let plan = |target: &Target| Plan::new(&recipe, target, &stacks.wanted_on(target));
        let plans = nodes.targets.iter().map(plan).collect::<Result<_, _>>()?;
        Ok(PlannedInstall { plans, sources: probe(&recipe.downloads, &temporary).await })
    }

    /// Installs; the answers are written down first. What one node meets stops no other.
    ///
    /// # Errors
    ///
    /// The template is not there or cannot be read, or an error that met all nodes.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<InstallReport, Error> {
        let About { nodes, request, recipe, stacks } = self.read(&controller.environment, &stop).await?;
        let (environment, template) = (Arc::clone(&controller.environment), self.template.clone());
        let writing =
            move || Ok(Recipe::write_answers(&environment, environment.template(&template)?, &request)?);
        let answers = off_runtime(&stop, writing).await?;
        let Selected { targets, broken } = nodes;
        let settings = &controller.environment.settings;
        let owner = controller.owner().await?;
        let rollout = Rollout {
            stacks: &stacks,
            recipe: &recipe,
            catalogue: &controller.catalogue,
            owner: &owner,
            logs: &controller.logs,
            transport: &Transport::Ssh(ssh),
            mode: self.mode,
            force: self.force,
            sharing: if settings.fetch.share { Sharing::Neighbours } else { Sharing::Alone },
            parallel: self.parallel.unwrap_or(settings.install.parallel),
            by: &controller.actor.0,
        };
        let results = rollout.run(&targets, &stop, &*tell).await.map_err(|source| InstallFailed {
            template: recipe.template.clone(),
            node: targets.first().map_or_else(|| "".into(), |target| target.name().clone()),
            source: Box::new(source),
        })?;
        let tried = targets.iter().zip(results);
        let tried = tried.map(|(target, result)| InstalledOn::new(target.name().clone(), result));
        let untried = broken.into_iter().map(|(node, error)| InstalledOn::untried(node, &error));
        Ok(InstallReport { answers, nodes: tried.chain(untried).collect() })
    }
}

/// What an install is about.
pub(crate) struct About {
    pub nodes: Selected,
    pub request: Request,
    pub recipe: Recipe,
    pub stacks: Stacks,
}

/// A recipe, and the stacks that its images may be wanted on.
pub(crate) fn read(
    environment: &Environment,
    template: &TemplateName,
    request: &Request,
) -> Result<(Recipe, Stacks), Error> {
    let recipe = Recipe::read(environment, environment.template(template)?, request)?;
    Ok((recipe, Stacks::of(environment)))
}
