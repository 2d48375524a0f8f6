//! Host keys of machines that have never been seen.

use std::fmt;
use std::sync::Arc;

/// A host key that nobody knows yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// Whose: a node with its address, or a host as files of known hosts name it (`host`, `[host]:port`).
    pub machine: String,
    /// `ED25519` and the like, as who read it calls it.
    pub kind: String,
    /// `SHA256:` and the digest, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// Where keys of other kinds are known for the machine.
    pub others: Vec<String>,
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.machine, self.fingerprint, self.kind)?;
        match &self.others[..] {
            [] => Ok(()),
            others => write!(f, "; other kinds of keys of it are known ({})", others.join(", ")),
        }
    }
}

/// What becomes of the host key of a machine that has never been seen.
#[derive(Clone)]
pub enum NewHostKeys {
    /// It is an error.
    Refuse,
    /// It is learned (`--accept-new-host-key`).
    Accept,
    /// The operator is asked.
    Ask(Arc<dyn Fn(&HostKey) -> bool + Send + Sync>),
}
