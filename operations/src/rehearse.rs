//! Rehearsing an install on this machine, in a directory that goes away.

use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{Mode, Rehearsal, RehearseError, Rehearsed, Stop};
use ays_model::TemplateName;
use ays_recipes::{Environment, Request};
use ays_transport::{SshSettings, Transport};

use crate::controller::{Actor, Tell};
use crate::error::{Error, of_rehearsal};
use crate::install::read;
use crate::off_runtime::off_runtime;
use crate::selection::local_pool;

/// A rehearsal of an install.
#[derive(Debug)]
pub struct Rehearse {
    /// What is installed.
    pub template: TemplateName,
    /// Which instance of it, with which answers.
    pub request: Request,
    /// [`Mode::Again`]: it is installed once before the fault comes.
    pub mode: Mode,
    /// What goes wrong.
    pub faults: Rehearsed,
}

/// A rehearsal that came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("the rehearsal came to nothing")]
struct NotRehearsed(#[source] Box<RehearseError>);

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
        let Self { template, request, mode, faults } = self;
        let format = local_pool(&environment)?.format;
        let (recipe, stacks) = off_runtime(&stop, move || read(&environment, &template, &request)).await?;
        let rehearsal = Rehearsal {
            stacks: &stacks,
            recipe: &recipe,
            mode,
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
