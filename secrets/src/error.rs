//! Why a secret cannot be had or kept. No error holds one.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::home::HomeError;
use crate::name::SecretName;
use crate::receiver::Receiver;
use crate::usage::{Carrier, Use};

/// Why a secret cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A file is there but cannot be read.
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or its directory cannot be written.
    #[error("{path} cannot be written", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The secrets are there, their key is not.
    #[error(
        "the secrets in {file} need the key {identity}, which is not there: bring it back; where it is lost, so are \
         they: move the file away and set them again",
        file = .file.display(), identity = .identity.display()
    )]
    NoIdentity {
        /// The encrypted file.
        file: PathBuf,
        /// Where its key should be.
        identity: PathBuf,
    },
    /// The key's file may be read by others.
    #[error("others may read {identity}, which opens all secrets: chmod 600 {identity}", identity = .identity.display())]
    OpenIdentity {
        /// The key's file.
        identity: PathBuf,
    },
    /// The key's file holds no key.
    #[error("{identity} holds no age key (AGE-SECRET-KEY-1..)", identity = .identity.display())]
    BadIdentity {
        /// The key's file.
        identity: PathBuf,
    },
    /// The secrets were encrypted for another key.
    #[error(
        "{file} was encrypted for another key than {identity}, or is damaged: bring the key or the file back, or move the \
         file away and set its secrets again",
        file = .file.display(), identity = .identity.display()
    )]
    Foreign {
        /// The encrypted file.
        file: PathBuf,
        /// The key that is here.
        identity: PathBuf,
    },
    /// The file is not as it was written.
    #[error("{file} is damaged: bring it back from a backup, or move it away and set its secrets again", file = .file.display())]
    Damaged {
        /// The encrypted file.
        file: PathBuf,
        /// What age says; none where it decrypts to something else than secrets.
        source: Option<age::DecryptError>,
    },
    /// It cannot be encrypted.
    #[error("the secrets cannot be encrypted")]
    Encrypt(#[source] age::EncryptError),
    /// There is no file that could keep it.
    #[error("there is no place to keep secrets: this user has no home directory")]
    NoVault,
    /// The command of `secrets.command` cannot be run.
    #[error("`{program}` of secrets.command cannot be run")]
    Command {
        /// Its first word.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The command did not end.
    #[error("`{program}` of secrets.command gave no `{name}` within {} s: does it wait for somebody?", .limit.as_secs())]
    TooSlow {
        /// The secret.
        name: SecretName,
        /// The command's first word.
        program: String,
        /// How long it had.
        limit: Duration,
    },
    /// The command ended badly, and nothing else has the secret.
    #[error(
        "no secret `{name}` is kept (`ays secret set {name}` does), and `{program}` of secrets.command did not give it \
         ({status}){}", after_colon(.said)
    )]
    NotGiven {
        /// The secret.
        name: SecretName,
        /// The command's first word.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The first line that it said.
        said: String,
    },
    /// The file that says what secrets may do is damaged.
    #[error(
        "{file} is damaged, which says where secrets may go: move it away, and `ays secret allow --all` lets them again",
        file = .file.display()
    )]
    NotAllowances {
        /// The file.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Secrets would go where nobody allowed it.
    #[error("{}", not_allowed(.asked, .secrets, .allowed))]
    NotAllowed {
        /// What would be done.
        asked: Box<Use>,
        /// Those of its secrets that may not.
        secrets: Vec<SecretName>,
        /// Where the first of them may go.
        allowed: Vec<Receiver>,
    },
    /// Secrets would go through what the repository names.
    #[error(
        "{by} sends {what} through {id}, which {origin} names and nobody here allowed: `ays secret allow --through {id}` \
         does",
        by = .asked.by, what = quoted(&.asked.secrets), id = .carrier.id, origin = .carrier.origin
    )]
    Through {
        /// What would be done.
        asked: Box<Use>,
        /// Through what.
        carrier: Box<Carrier>,
    },
    /// Secrets would go in clear text, though the server speaks https.
    #[error(
        "{by} sends {what} in clear text to {address}, which is served by https as well: write https in the recipe",
        by = .asked.by, what = quoted(&.asked.secrets), address = .asked.address
    )]
    InClear {
        /// What would be done.
        asked: Box<Use>,
    },
    /// They stopped everything when they were asked.
    #[error("interrupted")]
    Interrupted,
    /// The directory of the secrets is another repository's.
    #[error(transparent)]
    Home(Box<HomeError>),
    /// What the command printed is no secret.
    #[error("what `{program}` of secrets.command printed for `{name}` is not UTF-8 text of at most 1 MiB")]
    NoText {
        /// The secret.
        name: SecretName,
        /// The command's first word.
        program: String,
    },
}

impl From<HomeError> for SecretsError {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Interrupted => Self::Interrupted,
            error => Self::Home(Box::new(error)),
        }
    }
}

fn after_colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

fn quoted(names: &[SecretName]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("the secret{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}

fn not_allowed(asked: &Use, secrets: &[SecretName], allowed: &[Receiver]) -> String {
    let Use { receiver, by, .. } = asked;
    let mut text = format!("{by} sends {} to {receiver}, which nobody here allowed", quoted(secrets));
    if receiver.is_in_clear() {
        text.push_str(", in clear text");
    }
    if !allowed.is_empty() {
        let allowed: Vec<_> = allowed.iter().map(Receiver::to_string).collect();
        text.push_str(&format!("; so far it may go to {}", allowed.join(", ")));
    }
    let commands: Vec<_> =
        secrets.iter().map(|name| format!("`ays secret allow {name} {receiver}`")).collect();
    format!("{text}: {} lets it go there", commands.join(" and "))
}
