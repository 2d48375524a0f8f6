use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::Duration;

use ays_model::SecretUrl;
use ays_protocol::{Failure, Phase};

/// How one try to read a source failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Another try would fail in the same way.
    Final(Failure),
    /// Another try may go on where this one stopped, after the time that the source asks for.
    Again { phase: Phase, reason: String, after: Duration },
    /// Another try may help, but what came so far is of no use.
    StartOver { phase: Phase, reason: String },
}

impl Fault {
    pub(crate) fn again(phase: Phase, reason: impl ToString) -> Self {
        Self::Again { phase, reason: reason.to_string(), after: Duration::ZERO }
    }

    /// The source cannot be reached, and will not be.
    pub(crate) fn unreachable(url: &SecretUrl, phase: Phase, reason: impl ToString) -> Self {
        Self::Final(Failure::Unreachable {
            url: url.to_string(),
            phase,
            reason: reason.to_string(),
            attempts: 1,
        })
    }
}

/// An error and its causes. An error of the system that stands for another one leaves that out of its causes.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

/// The innermost of an error's causes: those around it repeat the address, or say only that something failed.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
