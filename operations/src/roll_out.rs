//! A recipe that was read is installed on nodes, whoever described it.

use std::num::NonZeroUsize;

use ays_engine::{
    GitTree, InstallError, Installed, Mode, NodeResult, OperatorFile, Rollout, Sharing, Stacks, Starting,
    Stop,
};
use ays_model::{NodeName, RunResult};
use ays_recipes::{NodeError, Recipe};
use ays_transport::{SshSettings, Transport};
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind, of_install};
use crate::problem::Problem;
use crate::selection::Selected;

/// An install of a recipe that was read.
pub(crate) struct RollOut {
    /// What errors call it: the template, or the image.
    pub what: String,
    pub recipe: Recipe,
    /// The file of this machine that its one download is; none: nodes read its source.
    pub file: Option<OperatorFile>,
    /// The recipe's files from git, in its order.
    pub trees: Vec<GitTree>,
    pub stacks: Stacks,
    pub nodes: Selected,
    pub mode: Mode,
    pub starting: Starting,
    pub force: bool,
    /// The most nodes at work at once; none: as the settings say.
    pub parallel: Option<NonZeroUsize>,
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

    /// It did not come to this node.
    pub(crate) fn of_problem(node: NodeName, problem: Problem) -> Self {
        let interrupted = problem.kind == Kind::Interrupted;
        let result = if interrupted { RunResult::Interrupted } else { RunResult::Failed };
        Self { node, result, problem: Some(problem) }
    }

    /// It was not tried, since the node lacks what it needs.
    pub(crate) fn needs(node: NodeName, message: String) -> Self {
        Self::of_problem(node, Problem { kind: Kind::Failed, message, because: Vec::new(), cure: None })
    }

    /// It was not tried, since the node's file is wrong. The nodes whose files are right were installed on.
    fn untried(node: NodeName, error: &NodeError) -> Self {
        Self { node, result: RunResult::Failed, problem: Some(Problem::of(Kind::Failed, error)) }
    }
}

/// An install that met all of its nodes with one error.
#[derive(Debug, thiserror::Error)]
#[error("{what} on {node} was not installed")]
pub struct InstallFailed {
    /// What was to be installed: a template, or an image without a recipe.
    pub what: String,
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

impl RollOut {
    /// Installs on all nodes, each by itself; how it ended on each, those first that were tried.
    pub async fn run(
        self,
        controller: &Controller,
        ssh: SshSettings,
        stop: &Stop,
        tell: &Tell,
    ) -> Result<Vec<InstalledOn>, Error> {
        let Self { what, recipe, file, trees, stacks, nodes, mode, starting, force, parallel } = self;
        let Selected { targets, broken } = nodes;
        let settings = &controller.environment.settings;
        let owner = controller.owner().await?;
        let others = controller.other_services(&ssh, stop, tell);
        let rollout = Rollout {
            stacks: &stacks,
            recipe: &recipe,
            file,
            catalogue: &controller.catalogue,
            owner: &owner,
            logs: &controller.logs,
            transport: &Transport::Ssh(ssh),
            mode,
            starting,
            trees: &trees,
            others: Some(&*others),
            force,
            sharing: if settings.fetch.share { Sharing::Neighbours } else { Sharing::Alone },
            parallel: parallel.unwrap_or(settings.install.parallel),
            by: &controller.actor.0,
        };
        let results = rollout.run(&targets, stop, &**tell).await.map_err(|source| InstallFailed {
            what,
            node: targets.first().map_or_else(|| "".into(), |target| target.name().clone()),
            source: Box::new(source),
        })?;
        let tried = targets.iter().zip(results);
        let tried = tried.map(|(target, result)| InstalledOn::new(target.name().clone(), result));
        let untried = broken.into_iter().map(|(node, error)| InstalledOn::untried(node, &error));
        Ok(tried.chain(untried).collect())
    }
}
