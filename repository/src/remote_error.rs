//! Why a remote could not be worked with.

use std::fmt;

use crate::git_error::GitError;
use crate::known_hosts::HostKeyError;
use crate::user_git::UserGitError;

/// A way that did not lead in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// `the SSH agent`, a key's file, ..
    pub way: String,
    /// What became of it.
    pub outcome: String,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.way, self.outcome)
    }
}

/// Why a remote could not be worked with.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It was stopped.
    #[error("interrupted")]
    Interrupted,
    /// Its host key cannot be trusted.
    #[error(transparent)]
    HostKey(#[from] HostKeyError),
    /// No way to log in led in.
    #[error("{address}: the login was refused{}", list(.tried))]
    Refused {
        /// The remote.
        address: String,
        /// All ways.
        tried: Vec<Tried>,
    },
    /// The server sent us to another machine, which is not given the login.
    #[error(
        "{address}: it asks for the login from another place, {other}: clone from there if that is right"
    )]
    Elsewhere {
        /// The remote.
        address: String,
        /// The other one.
        other: String,
    },
    /// ssh does not understand its configuration.
    #[error("{host}: ssh's configuration cannot be used: {said}")]
    SshConfiguration {
        /// The machine.
        host: String,
        /// What ssh said.
        said: String,
    },
    /// There is no ssh.
    #[error("ssh cannot be run")]
    NoSsh(#[source] std::io::Error),
    /// The operator's own hook did not want the push.
    #[error("the hook pre-push did not let it through")]
    PrePush(#[source] UserGitError),
    /// Anything else.
    #[error("{address}: it could not be reached, or did not do what was asked")]
    Git {
        /// The remote.
        address: String,
        /// What git said.
        source: GitError,
    },
}

fn list(tried: &[Tried]) -> String {
    tried.iter().map(|tried| format!("\n  {tried}")).collect()
}
