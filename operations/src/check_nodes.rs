//! Whether nodes can be installed on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ays_engine::{Checked, Checkup, Stop};
use ays_model::Target;
use ays_recipes::Environment;
use ays_transport::{SshSettings, Transport};

use crate::controller::Tell;
use crate::error::Error;

/// A check of nodes.
#[derive(Debug)]
pub struct CheckNodes {
    /// Which.
    pub targets: Vec<Target>,
}

impl CheckNodes {
    /// Checks them, over connections of its own: one that was kept would not show what a new one meets. What was found,
    /// in the nodes' order.
    ///
    /// # Errors
    ///
    /// It was stopped.
    pub async fn run(
        self,
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
            parallel: settings.install.parallel,
            tell: &*tell,
        };
        tokio::select! {
            checked = checkup.run(&self.targets) => Ok(checked),
            () = stop.after_steps() => Err(Error::interrupted()),
        }
    }
}
