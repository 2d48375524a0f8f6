//! Installing a service on nodes, and what an install would do.

use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{
    InstallError, Installed, Mode, NodeResult, Plan, Rollout, Sharing, SourceAnswer, Stacks, Stop, probe,
};
use ays_model::{NodeName, Target, TemplateName};
use ays_recipes::{Environment, NodeError, Question, Recipe, Request};
use ays_transport::{SshSettings, Transport};

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind, of_install};
use crate::off_runtime::off_runtime;
use crate::selection::Selected;

/// An install of a service on nodes.
#[derive(Debug)]
pub struct Install {
    /// What is installed.
    pub template: TemplateName,
    /// Which instance of it, with which answers.
    pub request: Request,
    /// Where.
    pub nodes: Selected,
    /// Whether what is installed is left alone.
    pub mode: Mode,
    /// Whether an image is registered even when the disk in it is broken.
    pub force: bool,
}

/// What an install came to.
#[derive(Debug)]
pub struct InstallReport {
    /// The files that the answers were written to.
    pub answers: Vec<PathBuf>,
    /// Each node by its name, those first that were tried, in the order in which they were named.
    pub nodes: Vec<(NodeName, Result<Installed, NotInstalled>)>,
}

/// Why a service was not installed on one of several nodes.
#[derive(Debug, thiserror::Error)]
pub enum NotInstalled {
    /// It was tried, and did not work.
    #[error(transparent)]
    Failed(#[from] Box<InstallError>),
    /// It could not be tried: the node's file is wrong.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl NotInstalled {
    /// Of what kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Failed(error) => of_install(error),
            // The nodes whose files are right were installed on.
            Self::Node(_) => Kind::Failed,
        }
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
    /// The questions that have no answer yet, in the order of the template's file.
    ///
    /// # Errors
    ///
    /// The template is not there, or is wrong.
    pub async fn questions(
        environment: Arc<Environment>,
        template: TemplateName,
        request: Request,
        stop: Stop,
    ) -> Result<Vec<Question>, Error> {
        off_runtime(&stop, move || {
            Ok(Recipe::questions(&environment, environment.template(&template)?, &request)?)
        })
        .await
    }

    /// What it would do; nothing is done.
    ///
    /// # Errors
    ///
    /// The template is not there, or its recipe cannot be done.
    pub async fn plan(
        self,
        environment: Arc<Environment>,
        temporary: PathBuf,
        stop: Stop,
    ) -> Result<PlannedInstall, Error> {
        let Self { template, request, nodes, .. } = self;
        let (recipe, stacks) = off_runtime(&stop, move || read(&environment, &template, &request)).await?;
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
        let Self { template, request, nodes: Selected { targets, broken }, mode, force } = self;
        let environment = Arc::clone(&controller.environment);
        let reading = move || {
            let (recipe, stacks) = read(&environment, &template, &request)?;
            let answers = Recipe::write_answers(&environment, environment.template(&template)?, &request)?;
            Ok((recipe, stacks, answers))
        };
        let (recipe, stacks, answers) = off_runtime(&stop, reading).await?;
        let settings = &controller.environment.settings;
        let owner = controller.owner().await?;
        let rollout = Rollout {
            stacks: &stacks,
            recipe: &recipe,
            catalogue: &controller.catalogue,
            owner: &owner,
            logs: &controller.logs,
            transport: &Transport::Ssh(ssh),
            mode,
            force,
            sharing: if settings.fetch.share { Sharing::Neighbours } else { Sharing::Alone },
            parallel: settings.install.parallel,
            by: &controller.actor.0,
        };
        let results = rollout.run(&targets, &stop, &*tell).await.map_err(|source| InstallFailed {
            template: recipe.template.clone(),
            node: targets.first().map_or_else(|| "".into(), |target| target.name().clone()),
            source: Box::new(source),
        })?;
        let tried = targets.iter().zip(results).map(|(target, result): (_, NodeResult)| {
            (target.name().clone(), result.map_err(|error| Box::new(error).into()))
        });
        let untried = broken.into_iter().map(|(node, error)| (node, Err(error.into())));
        Ok(InstallReport { answers, nodes: tried.chain(untried).collect() })
    }
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
