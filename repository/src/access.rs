//! What reaching a remote needs of its surroundings.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ays_model::NewHostKeys;
use secrecy::SecretString;

/// What the program hands over.
pub struct Access {
    /// The user's home directory: `.ssh` in it is honoured.
    pub home: PathBuf,
    /// Whether there is an SSH agent (`SSH_AUTH_SOCK`).
    pub ssh_agent: bool,
    /// A token for https (`AYS_GIT_TOKEN`).
    pub token: Option<SecretString>,
    /// Asks somebody; none: nobody is there.
    pub ask: Option<Ask>,
    /// What becomes of the host key of a machine that has never been seen.
    pub new_host_keys: NewHostKeys,
    /// Set when it shall end.
    pub stop: Arc<AtomicBool>,
    /// Is told how far a transfer is.
    pub progress: Box<dyn Fn(Progress) + Send + Sync>,
}

/// Asks somebody; no answer is given where they do not want to.
pub type Ask = Box<dyn Fn(&Question) -> Option<SecretString> + Send + Sync>;

/// What is asked while a remote is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The passphrase of a key.
    Passphrase {
        /// The key's file.
        file: PathBuf,
    },
    /// Who logs in.
    User {
        /// The remote's machine.
        host: String,
    },
    /// A password or token.
    Password {
        /// Who logs in.
        user: String,
        /// The remote's machine.
        host: String,
    },
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Objects that came so far.
    pub objects: usize,
    /// All that will come.
    pub total: usize,
    /// Bytes that came so far.
    pub bytes: usize,
}

impl Access {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn ask(&self, question: &Question) -> Option<SecretString> {
        self.ask.as_ref().and_then(|ask| ask(question))
    }
}
