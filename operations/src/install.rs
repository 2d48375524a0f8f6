//! Installing a service on nodes, and what an install would do.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{Mode, Plan, SourceAnswer, Stacks, Starting, Stop, now, probe};
use ays_model::{Event, InstanceName, NodeName, Target, TemplateName};
use ays_recipes::{
    Answers, Dependencies, Environment, Graph, NeededFor, Question, Recipe, Request, Seed, Service, Stored,
};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::git_trees::{self, Purpose};
use crate::off_runtime::off_runtime;
use crate::problem::Problem;
use crate::roll_out::{InstalledOn, RollOut};
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
    /// Whether what was installed is started.
    #[serde(default)]
    pub starting: Starting,
    /// The most nodes at work at once; none: as the settings say.
    #[serde(default)]
    pub parallel: Option<NonZeroUsize>,
    /// What the operator answered. Answers may be secret, so they are in no job: it uses those that the repository has.
    #[serde(skip)]
    pub answers: Answers,
    /// What becomes of the answers that the repository has.
    #[serde(skip)]
    pub stored: Stored,
    /// The instance below whose directory its answers are written down.
    #[serde(skip)]
    pub parent: Option<String>,
    /// What an operator's file answers, for what it needs as well.
    #[serde(skip)]
    pub seed: Option<Arc<Seed>>,
}

/// The instance that is meant where none is named.
pub(crate) fn main() -> InstanceName {
    "main".into()
}

/// What an install came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallReport {
    /// The files that the answers were written to.
    pub answers: Vec<PathBuf>,
    /// Each node, those first that were tried, in the order in which they were named.
    pub nodes: Vec<InstalledOn>,
    /// The services that it needs, in the order in which they were installed.
    #[serde(default)]
    pub dependencies: Vec<InstalledService>,
}

/// A service that another one needs, and what its install came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledService {
    /// Its template.
    pub template: TemplateName,
    /// Its instance.
    pub instance: InstanceName,
    /// Each node.
    pub nodes: Vec<InstalledOn>,
}

/// What an install would do.
#[derive(Debug)]
pub struct PlannedInstall {
    /// Each service, those that others need before these.
    pub services: Vec<PlannedService>,
    /// Who needs whom, as lines.
    pub graph: String,
    /// The same for Graphviz.
    pub dot: String,
    /// What an operator should know.
    pub warnings: Vec<String>,
}

/// What an install of one service would do.
#[derive(Debug)]
pub struct PlannedService {
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
            parent: self.parent.clone(),
            seed: self.seed.clone(),
        }
    }

    fn graph(&self, environment: &Environment, request: Request) -> Result<Graph, Error> {
        let template = environment.template(&self.template)?;
        Ok(Graph::read(environment, template, request, NeededFor::Running)?)
    }

    /// What it is about, read from the environment.
    pub(crate) async fn read(&self, environment: &Arc<Environment>, stop: &Stop) -> Result<About, Error> {
        let (install, environment) = (self.clone(), Arc::clone(environment));
        let reading = move || {
            let nodes = install.nodes.select(&environment)?;
            let request = install.request(&nodes);
            let graph = install.graph(&environment, request)?;
            Ok(About { nodes, graph, stacks: Stacks::of(&environment) })
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
        let About { nodes, graph, stacks } = self.read(&environment, &stop).await?;
        let (text, dot, warnings) = (graph.text(), graph.dot(), graph.warnings);
        let mut services = Vec::new();
        for Service { recipe, .. } in graph.services {
            let plan = |target: &Target| Plan::new(&recipe, target, &stacks.wanted_on(target), self.starting);
            let plans = nodes.targets.iter().map(plan).collect::<Result<_, _>>()?;
            services.push(PlannedService { plans, sources: probe(&recipe.downloads, &temporary).await });
        }
        Ok(PlannedInstall { services, graph: text, dot, warnings })
    }

    /// Installs, after what it needs; the answers are written down first. What one node meets stops no other, and what one
    /// service meets only those that need it.
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
        let (install, environment) = (self.clone(), Arc::clone(&controller.environment));
        let preparing = move || {
            let nodes = install.nodes.select(&environment)?;
            let request = install.request(&nodes);
            // What is wrong is said before anything is written.
            install.graph(&environment, request.clone())?;
            let template = environment.template(&install.template)?;
            let mut answers = Recipe::write_answers(&environment, template, &request)?;
            // Read once more: what was a password in an answer is a secret of the store by now, and goes on by its name.
            let graph = install.graph(&environment, request)?;
            for Service { request, recipe, .. } in graph.services.iter().rev().skip(1) {
                let template = environment.template(&recipe.template)?;
                answers.extend(Recipe::write_answers(&environment, template, request)?);
            }
            Ok((About { nodes, graph, stacks: Stacks::of(&environment) }, answers))
        };
        let (About { nodes, graph, stacks }, answers) = off_runtime(&stop, preparing).await?;
        for Service { recipe, .. } in &graph.services {
            let circle = controller.refuse_a_circle(&recipe.template, &recipe.instance);
            circle.map_err(|circle| Error::new(Kind::Invalid, circle))?;
        }
        for message in graph.warnings {
            tell(now(&"".into(), Event::Warning { message }));
        }
        let Selected { targets, broken } = nodes;
        let mut broken = Some(broken);
        let last = graph.services.len().saturating_sub(1);
        let mut done: Vec<InstalledService> = Vec::new();
        for (number, Service { recipe, needs, .. }) in graph.services.into_iter().enumerate() {
            let (template, instance) = (recipe.template.clone(), recipe.instance.clone());
            let (mut fit, mut untried) = (Vec::new(), Vec::new());
            for target in &targets {
                match needs.iter().find_map(|needed| done.get(*needed)?.problem_on(target.name())) {
                    Some(problem) => untried.push(InstalledOn::needs(target.name().clone(), problem)),
                    None => fit.push(target.clone()),
                }
            }
            let broken = if number == last { broken.take().unwrap_or_default() } else { Vec::new() };
            let selected = Selected { targets: fit, broken };
            let rolled = self.roll_out(
                recipe,
                selected,
                stacks.clone(),
                &controller,
                &ssh,
                &stop,
                &tell,
                number == last,
            );
            let mut nodes = match rolled.await {
                Ok(nodes) => nodes,
                Err(error) if number == last => return Err(error),
                Err(error) => {
                    let problem = Problem::from(&error);
                    targets
                        .iter()
                        .map(|target| InstalledOn::of_problem(target.name().clone(), problem.clone()))
                        .collect()
                }
            };
            nodes.extend(untried);
            done.push(InstalledService { template, instance, nodes });
        }
        let nodes = done.pop().map(|asked| asked.nodes).unwrap_or_default();
        Ok(InstallReport { answers, nodes, dependencies: done })
    }

    /// Installs one service on the nodes that have what it needs.
    #[expect(clippy::too_many_arguments, reason = "all of it belongs to the one install")]
    async fn roll_out(
        &self,
        recipe: Recipe,
        nodes: Selected,
        stacks: Stacks,
        controller: &Controller,
        ssh: &SshSettings,
        stop: &Stop,
        tell: &Tell,
        is_asked: bool,
    ) -> Result<Vec<InstalledOn>, Error> {
        if nodes.targets.is_empty() && nodes.broken.is_empty() {
            return Ok(Vec::new());
        }
        let trees = git_trees::fetch(&recipe, Purpose::Install, &controller.git_cache(), ssh, stop).await?;
        let rolled = RollOut {
            what: recipe.template.to_string(),
            recipe,
            file: None,
            trees,
            stacks,
            nodes,
            // What another service needs is only installed again when somebody asks for that.
            mode: if is_asked { self.mode } else { Mode::IfNeeded },
            starting: self.starting,
            force: self.force,
            parallel: self.parallel,
        };
        rolled.run(controller, ssh.clone(), stop, tell).await
    }
}

impl InstalledService {
    /// Why it is not on a node.
    fn problem_on(&self, node: &NodeName) -> Option<String> {
        let problem = self.nodes.iter().find(|on| on.node == *node)?.problem.as_ref()?;
        Some(format!("{} is needed, and was not installed: {}", self.template, problem.in_one_line()))
    }
}

/// What an install is about.
pub(crate) struct About {
    pub nodes: Selected,
    pub graph: Graph,
    pub stacks: Stacks,
}
