//! Why there is no connection to a node, and what to do about it.

use std::path::PathBuf;

use ays_model::NodeName;

use crate::hop::Hop;
use crate::host_key::{HostKeyError, is_changed};
use crate::master::NOT_REACHED;
use crate::refusal::{NoAnswer, Offer};

/// Why there is no connection to a node.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A file that ssh needs cannot be made.
    #[error("{path}: ssh's files cannot be made", path = .path.display())]
    Files {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The node, or a gateway, does not answer, or not as an SSH server.
    #[error("{hop}: no connection: {reason}")]
    Unreachable {
        /// The node or gateway.
        hop: NodeName,
        /// What ssh said.
        reason: String,
        /// What that means.
        why: NoAnswer,
    },
    /// It answers but does not let us in.
    #[error("{hop}: the login was refused: {reason} {offer}")]
    Refused {
        /// The node or gateway.
        hop: NodeName,
        /// What ssh said.
        reason: String,
        /// What it was offered.
        offer: Offer,
    },
    /// It does not let us in, and all that its file has is a password.
    #[error(
        "{hop}: the login was refused, and its HRD has only a password, which ssh is never given: put a public key on \
         the node (ssh-copy-id {hop_host}), and let instance.sshkey name the sshkey service that holds the key, or load \
         the key into your SSH agent"
    )]
    OnlyPassword {
        /// The node or gateway.
        hop: NodeName,
        /// Its address.
        hop_host: String,
    },
    /// Its host key cannot be trusted.
    #[error(transparent)]
    HostKey(#[from] HostKeyError),
}

impl ConnectError {
    /// What an operator does about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Files { .. } => "let TMPDIR name a directory that can be written",
            Self::Unreachable { why, .. } => why.cure(),
            Self::Refused { reason, offer, .. } => offer.cure(reason),
            Self::OnlyPassword { .. } => {
                "put a public key there, and load its private half into your SSH agent"
            }
            Self::HostKey(HostKeyError::Changed { .. }) => {
                "was the machine installed anew? Then take the old key out of the file that is named (ssh-keygen -R); if \
                 not, somebody else answers"
            }
            Self::HostKey(HostKeyError::NotShown { .. }) => "try it by hand: ssh -v",
            Self::HostKey(HostKeyError::NotWritten { .. }) => "let this user write that file",
            Self::HostKey(HostKeyError::Unknown(_) | HostKeyError::Declined(_)) => {
                "compare the fingerprint with the one that the machine itself shows (ssh-keygen -lf)"
            }
        }
    }
}

/// What it means that ssh made no connection and said this.
pub(crate) async fn refused(hop: &Hop, said: &str) -> ConnectError {
    let reason = if said.contains(NOT_REACHED) {
        "its gateway does not reach it"
    } else {
        said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("ssh did not say why")
    };
    let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
    let name = hop.name.clone();
    if is_changed(said) {
        HostKeyError::Changed { hop: name, said: said.trim().to_owned() }.into()
    } else if !said.contains("Permission denied") && !said.contains("Too many authentication failures") {
        ConnectError::Unreachable { hop: name, why: NoAnswer::of(said), reason }
    } else if hop.has_password {
        ConnectError::OnlyPassword { hop: name, hop_host: hop.host.clone() }
    } else {
        ConnectError::Refused { hop: name, reason, offer: Offer::to(hop).await }
    }
}
