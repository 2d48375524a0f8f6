//! A recipe that was read is installed on nodes, whoever described it.

use ays_engine::{InstallError, Installed, Mode, NodeResult, OperatorFile, Rollout, Sharing, Stacks, Stop};
use ays_model::{NodeName, Target};
use ays_recipes::{NodeError, Recipe};
use ays_transport::{SshSettings, Transport};

use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind, of_install};
use crate::selection::Selected;

/// An install of a recipe that was read.
pub(crate) struct RollOut {
    /// What errors call it: the template, or the image.
    pub what: String,
    pub recipe: Recipe,
    /// The file of this machine that its one download is; none: nodes read its source.
    pub file: Option<OperatorFile>,
    pub stacks: Stacks,
    pub nodes: Selected,
    pub mode: Mode,
    pub force: bool,
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
    ) -> Result<Vec<(NodeName, Result<Installed, NotInstalled>)>, Error> {
        let Self { what, recipe, file, stacks, nodes: Selected { targets, broken }, mode, force } = self;
        let settings = &controller.environment.settings;
        let owner = controller.owner().await?;
        let rollout = Rollout {
            stacks: &stacks,
            recipe: &recipe,
            file,
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
        let results = rollout.run(&targets, stop, &**tell).await.map_err(|source| InstallFailed {
            what,
            node: targets.first().map_or_else(|| "".into(), |target| target.name().clone()),
            source: Box::new(source),
        })?;
        let tried = targets.iter().zip(results).map(|(target, result): (&Target, NodeResult)| {
            (target.name().clone(), result.map_err(|error| Box::new(error).into()))
        });
        let untried = broken.into_iter().map(|(node, error)| (node, Err(error.into())));
        Ok(tried.chain(untried).collect())
    }
}
