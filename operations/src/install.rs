//! Installing a service on nodes, and what an install would do.

use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{Installed, Mode, Plan, SourceAnswer, Stacks, Stop, probe};
use ays_model::{NodeName, Target, TemplateName};
use ays_recipes::{Environment, Question, Recipe, Request};
use ays_transport::SshSettings;

use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::off_runtime::off_runtime;
use crate::roll_out::{NotInstalled, RollOut};
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
        let Self { template, request, nodes, mode, force } = self;
        let environment = Arc::clone(&controller.environment);
        let reading = move || {
            let (recipe, stacks) = read(&environment, &template, &request)?;
            let answers = Recipe::write_answers(&environment, environment.template(&template)?, &request)?;
            Ok((recipe, stacks, answers))
        };
        let (recipe, stacks, answers) = off_runtime(&stop, reading).await?;
        let what = recipe.template.to_string();
        let rolled = RollOut { what, recipe, file: None, stacks, nodes, mode, force };
        let nodes = rolled.run(&controller, ssh, &stop, &tell).await?;
        Ok(InstallReport { answers, nodes })
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
