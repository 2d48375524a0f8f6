//! Whether nodes can be installed on.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ays_engine::{Checked, Checkup, Stop};
use ays_model::{Finding, NodeName, Severity, Target, causes};
use ays_protocol::{Directory, Examined, Failure};
use ays_recipes::{Environment, NodeError};
use ays_transport::{SshSettings, Transport};
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::off_runtime::off_runtime;
use crate::selection::{Selected, Selection};

/// A check of nodes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckNodes {
    /// Their names, or patterns; none: all nodes.
    pub nodes: Vec<String>,
    /// The most that are examined at once; none: as the settings say.
    pub parallel: Option<NonZeroUsize>,
}

/// A node as a check found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedNode {
    /// Its name.
    pub node: NodeName,
    /// Its operating system; none where no helper runs.
    pub os: Option<String>,
    /// Its kind of processor.
    pub arch: Option<String>,
    /// The version of `qemu-img`.
    pub qemu_img: Option<String>,
    /// Bytes.
    pub pool_free: Option<u64>,
    /// Bytes.
    pub downloads_free: Option<u64>,
    /// What is not as it should be.
    pub findings: Vec<NodeFinding>,
}

/// Something on a node that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFinding {
    /// Which kind, in one word.
    pub code: String,
    /// How bad it is: errors keep installs from working, warnings do not yet.
    pub level: Severity,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub cure: String,
}

impl CheckNodes {
    /// As [`Self::check`].
    ///
    /// # Errors
    ///
    /// Those of [`Self::check`].
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<CheckedNode>, Error> {
        self.check(controller.environment, ssh, stop, tell).await
    }

    /// Checks them, over connections of its own: one that was kept would not show what a new one meets. What was found,
    /// in the nodes' order. It needs no catalogue.
    ///
    /// # Errors
    ///
    /// A node that nobody knows, or it was stopped.
    pub async fn check(
        self,
        environment: Arc<Environment>,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<CheckedNode>, Error> {
        let (here, selection) = (Arc::clone(&environment), Selection::named(self.nodes));
        let Selected { targets, broken } = off_runtime(&stop, move || selection.select(&here)).await?;
        let checked = check_targets(targets, self.parallel, environment, ssh, stop, tell).await?;
        let broken = broken.into_iter().map(|(node, error)| CheckedNode::of_file(node, &error));
        Ok(checked.into_iter().map(CheckedNode::from).chain(broken).collect())
    }
}

/// The same of nodes that the environment may not have yet.
///
/// # Errors
///
/// It was stopped.
pub async fn check_targets(
    targets: Vec<Target>,
    parallel: Option<NonZeroUsize>,
    environment: Arc<Environment>,
    ssh: SshSettings,
    stop: Stop,
    tell: Tell,
) -> Result<Vec<Checked>, Error> {
    let settings = &environment.settings;
    let downloads = PathBuf::from(settings.value("system.paths.tmp").unwrap_or("/tmp"));
    let checkup = Checkup {
        transport: &Transport::Ssh(SshSettings { keep: Duration::ZERO, ..ssh }),
        downloads: &downloads,
        parallel: parallel.unwrap_or(settings.install.parallel),
        tell: &*tell,
    };
    tokio::select! {
        checked = checkup.run(&targets) => Ok(checked),
        () = stop.after_steps() => Err(Error::interrupted()),
    }
}

impl From<Checked> for CheckedNode {
    fn from(Checked { node, facts, examined, problems }: Checked) -> Self {
        let free = |directory: fn(&Examined) -> &Result<Directory, Failure>| {
            examined.as_ref().and_then(|examined| directory(examined).as_ref().ok()).map(|found| found.free)
        };
        let finding = |Finding { code, severity, message, cure }| NodeFinding {
            code: code.to_owned(),
            level: severity,
            problem: message,
            cure,
        };
        Self {
            node,
            pool_free: free(|examined| &examined.pool),
            downloads_free: free(|examined| &examined.downloads),
            os: facts.as_ref().map(|facts| facts.os.clone()),
            arch: facts.map(|facts| facts.arch),
            qemu_img: examined.and_then(|examined| examined.qemu_img.ok()),
            findings: problems.iter().map(|problem| finding(problem.finding())).collect(),
        }
    }
}

impl CheckedNode {
    /// Of a node that could not be checked, since its file is wrong.
    fn of_file(node: NodeName, error: &NodeError) -> Self {
        let finding = NodeFinding {
            code: "file".to_owned(),
            level: Severity::Error,
            problem: causes(error),
            cure: "put its file right".to_owned(),
        };
        let (os, arch, qemu_img, pool_free, downloads_free) = (None, None, None, None, None);
        Self { node, os, arch, qemu_img, pool_free, downloads_free, findings: vec![finding] }
    }

    /// Whether installs do not work on it.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Severity::Error)
    }
}
