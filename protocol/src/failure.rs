//! Why a step on a node failed, with what an operator needs to act on it.

use std::fmt;
use std::path::Path;

use ays_model::SignatureFault;
use serde::{Deserialize, Serialize};

use crate::NotOurs;

/// Where in talking to a source the time went or the fault came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Looking up the host's name.
    Lookup,
    /// Opening the connection.
    Connect,
    /// Agreeing on encryption.
    Tls,
    /// Logging in.
    Login,
    /// Waiting for the server's answer.
    Answer,
    /// Receiving the bytes.
    Transfer,
}

impl Failure {
    /// The same failure, told of `told` where it is one of `path`.
    #[must_use]
    pub fn of_path(mut self, path: &Path, told: &Path) -> Self {
        let (path, told) = (path.display().to_string(), told.display().to_string());
        match &mut self {
            Self::BadImage { path: of, reason }
            | Self::NotInspected { path: of, reason }
            | Self::Disk { path: of, reason, .. }
            | Self::BadPath { path: of, reason }
            | Self::Tool { tool: of, reason } => {
                if *of == path {
                    of.clone_from(&told);
                }
                *reason = reason.replace(&path, &told);
            }
            _ => {}
        }
        self
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lookup => "looking up the host name",
            Self::Connect => "connecting",
            Self::Tls => "the TLS handshake",
            Self::Login => "logging in",
            Self::Answer => "waiting for the answer",
            Self::Transfer => "the transfer",
        })
    }
}

/// Why a step failed. Addresses in it are as [`ays_model::SecretUrl`] shows them, without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// The source has no such file, or refuses it: trying again does not help.
    #[error("{url}: the source refused: {reason}")]
    Refused {
        /// The source.
        url: String,
        /// What it said.
        reason: String,
    },
    /// The source could not be read to its end, however often it was tried.
    #[error("{url}: {phase} failed{}: {reason}", times(*.attempts))]
    Unreachable {
        /// The source.
        url: String,
        /// Where it failed last.
        phase: Phase,
        /// How it failed last.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The file that should hold the checksum does not.
    #[error("{url}: no checksum for {name} in it: {reason}")]
    NoChecksum {
        /// The checksum file.
        url: String,
        /// The name that was looked for.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes are not what the source says they are; what was there before was not touched.
    #[error("{url}: {algorithm} is {actual}, expected {expected}")]
    Checksum {
        /// The source.
        url: String,
        /// `MD5` or `SHA-256`.
        algorithm: String,
        /// What the source says.
        expected: String,
        /// What came.
        actual: String,
    },
    /// The signature that should prove the bytes, or their checksum, does not.
    #[error("{url}: {fault}; {}", .fault.cure())]
    Signature {
        /// The signature.
        url: String,
        /// Why not.
        fault: Box<SignatureFault>,
    },
    /// What a simplestreams server says does not lead to a file.
    #[error("{url}: {reason}")]
    Stream {
        /// Its text.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What a registry says does not lead to a disk.
    #[error("{url}: {reason}")]
    Artifact {
        /// The manifest.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is not enough free space, seen before anything was written.
    #[error("{path}: {needed} bytes are needed, {free} are free")]
    Space {
        /// The directory.
        path: String,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// The file is not a disk image that may be registered.
    #[error("{path}: not registered: {reason}")]
    BadImage {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Another run has put its own file there since it was fetched.
    #[error("{path}: not registered: it was changed by another run since it was fetched")]
    Changed {
        /// The file.
        path: String,
    },
    /// What is in a disk image could not be told.
    #[error("{path}: cannot be inspected: {reason}")]
    NotInspected {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A tool is missing on the node, or failed.
    #[error("{tool}: {reason}")]
    Tool {
        /// Its name.
        tool: String,
        /// What it said, or that it is missing and what brings it.
        reason: String,
    },
    /// A path that no step may use.
    #[error("{path}: {reason}")]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another run is at work on the same file.
    #[error("{path}: another run is at work on it")]
    Busy {
        /// The file.
        path: String,
    },
    /// Another one's catalogue writes into this pool: nothing was written.
    #[error("{0}")]
    NotOurs(Box<NotOurs>),
    /// A process of a service does not do what it should.
    #[error("process {name}: {reason}")]
    Process {
        /// Its name.
        name: String,
        /// Why not, and the last words of its log.
        reason: String,
    },
    /// The node's file system said no.
    #[error("{path}: {doing}: {reason}")]
    Disk {
        /// The file or directory.
        path: String,
        /// What was being done (`writing`, `renaming`).
        doing: String,
        /// The system's own words.
        reason: String,
    },
}

fn times(attempts: u32) -> String {
    if attempts == 1 { String::new() } else { format!(" {attempts} times, the last time") }
}
