//! Installing a service on nodes, and what an install would do.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{Mode, Plan, SourceAnswer, Stacks, Stop, probe};
use ays_model::{InstanceName, Target, TemplateName};
use ays_recipes::{Answers, Dependencies, Environment, Question, Recipe, Request, Stored};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::off_runtime::off_runtime;
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
        let what = recipe.template.to_string();
        let (mode, force, parallel) = (self.mode, self.force, self.parallel);
        let rolled = RollOut { what, recipe, file: None, stacks, nodes, mode, force, parallel };
        let nodes = rolled.run(&controller, ssh, &stop, &tell).await?;
        Ok(InstallReport { answers, nodes })
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
