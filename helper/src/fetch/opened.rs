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
}

/// A source whose bytes are coming.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) identity: Identity,
    /// Which byte comes first: where it was to be resumed, or 0.
    pub(crate) start: u64,
    pub(crate) body: Body,
}

/// A failure that trying again does not cure.
pub(crate) fn refused(url: &SecretUrl, reason: impl Into<String>) -> Failure {
    Failure::Refused { url: url.to_string(), reason: reason.into() }
}
