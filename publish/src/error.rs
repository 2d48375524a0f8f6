//! Why a publication came to nothing.

use ays_catalogue::CatalogueError;

use crate::data::DiskError;
use crate::http::{CallError, HttpError};

/// Why a target did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// There is no way to ask it.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It did not answer, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What is made could not be written down, so nothing more is.
    #[error(transparent)]
    Ledger(#[from] CatalogueError),
    /// The disk could not be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What arrived is not what was sent.
    #[error("what arrived is not what was sent: {what} is {found} there, and {sent} was sent")]
    Differs {
        /// What was compared.
        what: &'static str,
        /// What was sent.
        sent: String,
        /// What is there.
        found: String,
    },
    /// It was to end.
    #[error("it was ended")]
    Ended,
    /// It is not what the account says.
    #[error("{0}")]
    NotOne(String),
    /// The service made it, and then says that it came to nothing.
    #[error("the service made nothing of it: {0}")]
    Failed(String),
}

impl TargetError {
    /// What to do about it.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::Call(error) => Some(error.cure()),
            Self::Disk(_) => Some("`ays scrub` reads all copies, and heals a damaged one"),
            Self::Differs { .. } => {
                Some("try again; when it stays so, something between here and there changes bytes")
            }
            Self::NotOne(_) => Some("look whether the account's address is that of such a service"),
            Self::Http(_) | Self::Ledger(_) | Self::Failed(_) | Self::Ended => None,
        }
    }
}
