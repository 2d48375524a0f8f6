//! A source whose bytes are coming.

use ays_model::SecretUrl;
use ays_protocol::Failure;

use super::body::Body;
use super::identity::Identity;

/// Bytes that are there already, and what the source said of them.
#[derive(Debug, Clone)]
pub(crate) struct Resume {
    pub(crate) at: u64,
    pub(crate) identity: Identity,
    /// A check of the whole tells whether the pieces belong together, so that any server may go on that has as many
    /// bytes: behind one address there may be mirrors that each say something else of the same file.
    pub(crate) is_checked: bool,
}

impl Resume {
    /// Whether what a source says now may be of the same bytes.
    pub(crate) fn may_be(&self, now: &Identity) -> bool {
        let (size, was) = (now.size, self.identity.size);
        if self.is_checked {
            size.is_none() || was.is_none() || size == was
        } else {
            now.may_be(&self.identity)
        }
    }
}

/// A source whose bytes are coming.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) identity: Identity,
    /// Which byte comes first: where it was to be resumed, or 0.
    pub(crate) start: u64,
    pub(crate) body: Body,
    /// Who answered, where that is not whom was asked.
    pub(crate) answered_by: Option<SecretUrl>,
}

/// A failure that trying again does not cure.
pub(crate) fn refused(url: &SecretUrl, reason: impl Into<String>) -> Failure {
    Failure::Refused { url: url.to_string(), reason: reason.into() }
}

/// A reason, with who answered where that is not whom was asked.
pub(crate) fn answered(reason: impl Into<String>, by: Option<&SecretUrl>) -> String {
    let reason = reason.into();
    match by {
        Some(by) => format!("{reason} (from {by})"),
        None => reason,
    }
}
