//! Installing again what is outdated, on the nodes that have it.

use std::num::NonZeroUsize;

use ays_engine::{Mode, Starting, Stop};
use ays_model::{ImageName, InstanceName, NodeName, TemplateName};
use ays_recipes::{Answers, Dependencies, Stored};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::install::{Install, InstallReport};
use crate::off_runtime::off_runtime;
use crate::outdated::{Behind, OutdatedService, behind};
use crate::problem::Problem;
use crate::selection::Selection;

/// An install of what is outdated.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct InstallOutdated {
    /// Only of this template.
    pub template: Option<TemplateName>,
    /// Only on these nodes; nothing said: on all.
    pub nodes: Selection,
    /// Whether an image is registered even when the disk in it is broken.
    pub force: bool,
    /// What becomes of the services that a template depends on.
    pub dependencies: Dependencies,
    /// The most nodes at work at once; none: as the settings say.
    pub parallel: Option<NonZeroUsize>,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroughtUpToDate {
    /// Each service that was outdated, in the order in which they were installed.
    pub services: Vec<InstalledAgain>,
    /// The images whose sources said too little, and why.
    pub unknown: Vec<(ImageName, String)>,
}

/// A service that was outdated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledAgain {
    /// Its template.
    pub template: TemplateName,
    /// Its instance.
    pub instance: InstanceName,
    /// Its nodes.
    pub nodes: Vec<NodeName>,
    /// How the install ended; none: it did not begin.
    pub report: Option<InstallReport>,
    /// Why it did not begin.
    pub problem: Option<Problem>,
}

impl InstallOutdated {
    /// Asks which services are outdated, and installs one after another. One that fails stops no other.
    ///
    /// # Errors
    ///
    /// A node that nobody knows, those of asking, and that it was stopped before anything was installed.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<BroughtUpToDate, Error> {
        let nodes = match self.nodes.is_said() {
            true => Some(self.selected(&controller, &stop).await?),
            false => None,
        };
        let Behind { services: outdated, unknown } =
            behind(controller.clone(), self.template.clone(), nodes, stop.clone()).await?;
        let mut services = Vec::new();
        for OutdatedService { template, instance, nodes } in outdated {
            if stop.is_wanted() {
                break;
            }
            let install = self.install(&template, &instance, &nodes);
            let installed = install.run(controller.clone(), ssh.clone(), stop.clone(), tell.clone()).await;
            let (report, problem) = match installed {
                Ok(report) => (Some(report), None),
                Err(error) => (None, Some(Problem::from(&error))),
            };
            services.push(InstalledAgain { template, instance, nodes, report, problem });
        }
        Ok(BroughtUpToDate { services, unknown })
    }

    async fn selected(&self, controller: &Controller, stop: &Stop) -> Result<Vec<NodeName>, Error> {
        let (selection, environment) = (self.nodes.clone(), controller.environment.clone());
        let names = move || {
            let selected = selection.select(&environment)?;
            Ok(selected.targets.iter().map(|node| node.name().clone()).collect())
        };
        off_runtime(stop, names).await
    }

    fn install(&self, template: &TemplateName, instance: &InstanceName, nodes: &[NodeName]) -> Install {
        Install {
            template: template.clone(),
            instance: instance.clone(),
            nodes: Selection::named(nodes.iter().map(NodeName::to_string).collect()),
            mode: Mode::Again,
            force: self.force,
            starting: Starting::Starts,
            dependencies: self.dependencies,
            parallel: self.parallel,
            answers: Answers::default(),
            stored: Stored::Used,
            parent: None,
            seed: None,
        }
    }
}
