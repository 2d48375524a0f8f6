//! Why a helper does not work, or no longer does.

use std::time::Duration;

use ays_protocol::{Failure, FrameError, PROTOCOL};

use crate::faults::OnPurpose;
use crate::no_sudo::NoSudo;

/// Why a helper does not work, or no longer does.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// A process could not be started on the other side.
    #[error("no command could be started on the node")]
    Spawn(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The shell ended without a word that we know.
    #[error("the node's shell did not start the helper{}", quoted(.said))]
    NoShell {
        /// What it wrote to its standard error.
        said: String,
    },
    /// The login is not root's, and sudo does not make it root.
    #[error("{why}{}", quoted(.said))]
    NoSudo {
        /// Why not.
        why: NoSudo,
        /// What the node said.
        said: String,
    },
    /// The helper is not made for the node's kind of processor.
    #[error("the node is {0}, and the helper is x86_64")]
    Machine(String),
    /// The disk that the helper is put on is full.
    #[error("there is no space for the helper in ~/.cache/ays on the node{}", quoted(.said))]
    NoSpace {
        /// What the shell wrote to its standard error.
        said: String,
    },
    /// What is put there may not be executed.
    #[error("~/.cache/ays on the node lies on a file system from which nothing may be executed (noexec)")]
    NoExec,
    /// The helper could not be written.
    #[error("the helper could not be put into ~/.cache/ays on the node{}", quoted(.said))]
    NotPushed {
        /// What the shell wrote to its standard error.
        said: String,
    },
    /// It is never what was put there.
    #[error("the helper in ~/.cache/ays does not stay as it was put there")]
    Unstable,
    /// It speaks another version.
    #[error("the helper speaks version {0} of the frames, this is version {PROTOCOL}")]
    Protocol(u32),
    /// It answered something that was not asked.
    #[error("the helper gave an answer that does not belong to the step")]
    Answer,
    /// Nothing came for too long.
    #[error("the connection to the node was lost: nothing came for {} s", .0.as_secs())]
    Silent(Duration),
    /// Its output ended.
    #[error("the helper ended{}", quoted(.said))]
    Ended {
        /// What it wrote to its standard error.
        said: String,
    },
    /// The stream failed.
    #[error("the connection to the node broke")]
    Stream(#[source] std::io::Error),
    /// A frame could not be read.
    #[error("the helper's answer could not be read")]
    Frame(#[source] FrameError),
    /// A rehearsal lets it go wrong.
    #[error(transparent)]
    OnPurpose(#[from] OnPurpose),
    /// The step itself failed; the helper goes on.
    #[error(transparent)]
    Failed(#[from] Failure),
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; it said: {text}") }
}

impl HelperError {
    /// What an operator does about it, where that is known.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::NoSudo { why, .. } => why.cure(),
            Self::Spawn(_) => "try again; ssh must be there on this machine",
            Self::NoShell { .. } => {
                "give the login a POSIX shell there, and sshd at least one session a connection (MaxSessions)"
            }
            Self::Machine(_) => "no node of this kind can be used; take it out of services/",
            Self::NoSpace { .. } => "free some space there: the helper takes a few MB",
            Self::NoExec => "mount it without noexec there, or give the login another home",
            Self::NotPushed { .. } | Self::Unstable => {
                "let the login write into ~/.cache/ays there, and nobody else"
            }
            Self::Protocol(_)
            | Self::Answer
            | Self::Silent(_)
            | Self::Ended { .. }
            | Self::Stream(_)
            | Self::Frame(_)
            | Self::OnPurpose(_)
            | Self::Failed(_) => "try again; when it stays so, the network or the machine itself is at fault",
        }
    }
}
