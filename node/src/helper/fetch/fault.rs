use crate::{Failure, Phase};

/// How one try to read a source failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Another try would fail in the same way.
    Final(Failure),
    /// Another try may go on where this one stopped.
    Again { phase: Phase, reason: String },
    /// Another try may help, but what came so far is of no use.
    StartOver { phase: Phase, reason: String },
}

impl Fault {
    pub(crate) fn again(phase: Phase, reason: impl ToString) -> Self {
        Self::Again { phase, reason: reason.to_string() }
    }
}

/// The innermost of an error's causes: those around it repeat the address, or say only that something failed.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
