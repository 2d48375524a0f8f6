//! What an operation has at hand on this machine, and who wants it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ays_catalogue::{Catalogue, CatalogueError};
use ays_engine::{OtherServices, Stop};
use ays_model::{InstanceName, PoolOwner, Record, TemplateName};
use ays_recipes::Environment;
use ays_transport::SshSettings;

/// Who wants an operation, for the records: `user@host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(pub String);

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an operation has at hand on this machine, and who wants it.
#[derive(Debug, Clone)]
pub struct Controller {
    /// The environment at a commit.
    pub environment: Arc<Environment>,
    /// What is known of its images.
    pub catalogue: Catalogue,
    /// The directory of the runs' logs.
    pub logs: PathBuf,
    /// Where directories may be made that go away.
    pub temporary: PathBuf,
    /// Who wants it.
    pub actor: Actor,
    /// Who does what methods ask of other services: [`crate::method_calls`].
    pub calls: Calls,
    /// The services whose methods ask for it, each by the one before; none: an operator does.
    pub asked_by: Vec<(TemplateName, InstanceName)>,
}

impl Controller {
    /// Where what was fetched from git repositories is kept.
    pub(crate) fn git_cache(&self) -> PathBuf {
        self.logs.with_file_name("git")
    }

    /// A service that waits for itself would wait for ever.
    pub(crate) fn refuse_a_circle(
        &self,
        template: &TemplateName,
        instance: &InstanceName,
    ) -> Result<(), Circle> {
        let is_circle = self.asked_by.iter().any(|(asking, of)| asking == template && of == instance);
        if !is_circle && self.asked_by.len() <= DEEPEST {
            return Ok(());
        }
        let chain = self.asked_by.iter().map(|(asking, _)| asking.as_str()).chain([template.as_str()]);
        Err(Circle(chain.collect::<Vec<_>>().join(" -> ")))
    }

    /// Who does what methods ask of other services.
    pub(crate) fn other_services(
        &self,
        ssh: &SshSettings,
        stop: &Stop,
        tell: &Tell,
    ) -> Box<dyn OtherServices> {
        (self.calls)(self.clone(), ssh.clone(), stop.clone(), Tell::clone(tell))
    }

    /// The catalogue as the owner of pools.
    pub(crate) async fn owner(&self) -> Result<PoolOwner, CatalogueError> {
        self.catalogue.owner(self.actor.0.clone()).await
    }
}

/// Services that ask for each other, one after the other, are fewer than this, but by mistake.
const DEEPEST: usize = 16;

/// The method of a service asks, by others, for the service itself.
#[derive(Debug, thiserror::Error)]
#[error("services ask for each other in a circle: {0}")]
pub(crate) struct Circle(String);

/// Makes who does what methods ask of other services.
pub type Calls = fn(Controller, SshSettings, Stop, Tell) -> Box<dyn OtherServices>;

/// Whoever is told what happens.
pub type Tell = Arc<dyn Fn(Record) + Send + Sync>;
