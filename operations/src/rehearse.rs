//! Rehearsing an install on this machine, in a directory that goes away.

use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{Rehearsal, RehearseError, Rehearsed, Stop};
use ays_model::TemplateName;
use ays_recipes::{Dependencies, Environment, Service};
use ays_transport::{SshSettings, Transport};

use crate::controller::{Actor, Tell};
use crate::error::{Error, Kind, of_rehearsal};
use crate::install::{About, Install};
use crate::selection::local_pool;

/// A rehearsal of an install.
#[derive(Debug)]
pub struct Rehearse {
    /// What is installed. [`Mode::Again`](ays_engine::Mode::Again): it is installed once before the fault comes.
    pub install: Install,
    /// What goes wrong.
    pub faults: Rehearsed,
}

/// A rehearsal that came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("the rehearsal came to nothing")]
struct NotRehearsed(#[source] Box<RehearseError>);

/// What it would do is not done in a directory alone.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} has processes, packages or files from git, which this machine itself would get: it is not rehearsed"
)]
struct ChangesNodes(TemplateName);

impl Rehearse {
    /// Rehearses; each fault is told when it is done.
    ///
    /// # Errors
    ///
    /// The template is not there or cannot be read, or the install does not work without any fault.
    pub async fn run(
        self,
        environment: Arc<Environment>,
        temporary: PathBuf,
        actor: Actor,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<(), Error> {
        let Self { install, faults } = self;
        let format = local_pool(&environment)?.format;
        let install = Install { dependencies: Dependencies::Skip, ..install };
        let About { mut graph, stacks, .. } = install.read(&environment, &stop).await?;
        let Some(Service { recipe, .. }) = graph.services.pop() else { return Ok(()) };
        if recipe.parts.changes_nodes() {
            return Err(Error::new(Kind::Usage, ChangesNodes(recipe.template)));
        }
        let rehearsal = Rehearsal {
            stacks: &stacks,
            recipe: &recipe,
            mode: install.mode,
            format,
            transport: &Transport::Ssh(ssh),
            temporary: &temporary,
            by: &actor.0,
        };
        rehearsal
            .run(&faults, &stop, &*tell)
            .await
            .map_err(|error| Error::new(of_rehearsal(&error), NotRehearsed(Box::new(error))))
    }
}
