//! Why an install on a node did not end well.

use std::path::PathBuf;

use ays_catalogue::CatalogueError;
use ays_grammar::Diagnostic;
use ays_model::{PoolName, StepName, TemplateName};
use ays_protocol::{Failure, Outcome};
use ays_transport::{ConnectError, HelperError, OnPurpose};

use crate::delivery::ShareError;
use crate::lifecycle::LifecycleError;
use crate::truth::TruthError;

/// Why an install did not end well.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The recipe asks for what cannot be done; nothing was done on the node.
    #[error(transparent)]
    Recipe(#[from] Diagnostic),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A step failed.
    #[error("{}: {source}", .step.shown())]
    Step {
        /// Which.
        step: StepName,
        /// Why.
        source: HelperError,
    },
    /// The node's platform is none that the recipe supports.
    #[error("check: the node is {os} on {arch}; the recipe supports {}", .supported.join(", "))]
    Platform {
        /// The node's system.
        os: String,
        /// Its processor.
        arch: String,
        /// What the recipe supports.
        supported: Vec<String>,
    },
    /// A method of the recipe said that it did not work.
    #[error("`{method}` of the recipe returned False")]
    Method {
        /// Its name.
        method: &'static str,
    },
    /// A method of the recipe ended with an exception.
    #[error(transparent)]
    Raised(Diagnostic),
    /// What ran before cannot be stopped.
    #[error("the service is still running after stop and halt")]
    StillRunning,
    /// Files of a git repository cannot be sent.
    #[error("export: {url}: {reason}")]
    Export {
        /// The repository.
        url: String,
        /// Why not.
        reason: String,
    },
    /// What was started is not up.
    #[error("start: it is not up: {seen}")]
    NotUp {
        /// Its processes.
        seen: String,
    },
    /// An image is registered by an install, which fetches it and records it.
    #[error("an image is registered by `ays install` only")]
    OnlyInstalled,
    /// There are as many instances of the template on the node as may be.
    #[error(
        "check: the node has {most} of {template} already, and `instances.maxnr` allows no more: {others}"
    )]
    TooMany {
        /// The template.
        template: TemplateName,
        /// How many may be.
        most: u32,
        /// Their names.
        others: String,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Nodes cannot pass bytes to each other.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The run's log cannot be made.
    #[error("{path} cannot be written", path = .path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody removed the file that was to be registered.
    #[error("{file} was removed from pool {pool} meanwhile; run it again")]
    Gone {
        /// The file's name.
        file: String,
        /// The pool's name.
        pool: PoolName,
    },
    /// Somebody else may be at work on the same by now.
    #[error("the lock was lost: this machine stood still for too long; run it again")]
    LockLost,
    /// A rehearsal lets it go wrong.
    #[error(transparent)]
    OnPurpose(#[from] OnPurpose),
    /// The operator stopped it.
    #[error("interrupted; the next run goes on from here")]
    Interrupted,
}

impl InstallError {
    /// Whether an image was refused, whose download is of no use then.
    pub(crate) fn is_bad_image(&self) -> bool {
        matches!(self, Self::Step { source: HelperError::Failed(Failure::BadImage { .. }), .. })
    }

    /// What a step that did not end as it should is.
    pub(crate) fn at(step: StepName, result: Result<Outcome, HelperError>) -> Self {
        let source = result.err().unwrap_or(HelperError::Answer);
        Self::Step { step, source }
    }
}

impl From<LifecycleError> for InstallError {
    fn from(error: LifecycleError) -> Self {
        match error {
            // What a recipe cannot do is known before anything is done.
            LifecycleError::Recipe(error) => Self::Raised(error),
            LifecycleError::Method { method } => Self::Method { method },
            LifecycleError::StillRunning => Self::StillRunning,
        }
    }
}

impl From<TruthError> for InstallError {
    fn from(error: TruthError) -> Self {
        match error {
            TruthError::Catalogue(error) => error.into(),
            TruthError::Helper(source) => Self::at(StepName::Register, Err(source)),
            TruthError::OnPurpose(error) => error.into(),
        }
    }
}
