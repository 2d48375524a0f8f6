//! Connections: a master of OpenSSH to a node, or this machine itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ays_recipes::Node;
use openssh::Session;
use rustix::process::Pid;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

use crate::helper::HelperError;
use crate::hop::{Files, Hop, Way};
use crate::host_key::{self, HostKey, HostKeyError};
use crate::master::{Kept, Master, NOT_REACHED, NoMaster, own_directory, remove_stale, start_unkept};
use crate::refusal::{NoAnswer, Offer};
use crate::scripted::Scripted;
use crate::target::Target;

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
        hop: String,
        /// What ssh said.
        reason: String,
        /// What that means.
        why: NoAnswer,
    },
    /// It answers but does not let us in.
    #[error("{hop}: the login was refused: {reason} {offer}")]
    Refused {
        /// The node or gateway.
        hop: String,
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
        hop: String,
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

/// How nodes are reached.
pub enum Transport {
    /// By OpenSSH.
    Ssh(SshSettings),
    /// They are a test's.
    #[doc(hidden)]
    Scripted(Scripted),
}

/// What ssh needs to know of its surroundings.
#[derive(Clone)]
pub struct SshSettings {
    /// The user's home directory: `.ssh` in it is honoured.
    pub home: PathBuf,
    /// Where a connection's socket may lie; a short path, since sockets' names are limited to about 100 bytes.
    pub run: PathBuf,
    /// The host keys that the environment's repository knows.
    pub known_hosts: PathBuf,
    /// What becomes of new host keys.
    pub new_host_keys: NewHostKeys,
    /// The file that those are written to which are learned.
    pub learned: PathBuf,
    /// How long a connection stays after its last use, to be found again by the next run; zero: not at all.
    pub keep: Duration,
    /// Bounds how many connections are made at once.
    pub openings: Openings,
}

/// Bounds how many connections are made at once: more than the processor can agree on keys for only make all of
/// them slow.
#[derive(Debug, Clone)]
pub struct Openings(Arc<Semaphore>);

/// Connections that a processor makes at once: 100 took no less time with more than eight on two of them.
const OPENINGS_PER_PROCESSOR: usize = 4;

impl Default for Openings {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self(Arc::new(Semaphore::new(OPENINGS_PER_PROCESSOR * processors)))
    }
}

/// A process on the other side, its streams connected to us.
pub(crate) struct Remote {
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Keeps the streams alive.
    pub process: Box<dyn Send>,
    /// Its id, where it is on this machine.
    pub id: Option<Pid>,
}

/// A way to start processes on a node. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    /// This machine. With a directory, that stands for the home directory, and goes with the connection.
    Local(Option<Arc<TempDir>>),
    Ssh {
        session: Arc<Session>,
        notes: Option<PathBuf>,
    },
    /// A test's.
    Scripted {
        nodes: Scripted,
        name: String,
    },
}

/// Runs `"$@"` as root: a login that is not root uses sudo, which asks for nothing.
const AS_ROOT: &str = r#"if [ "$(id -u)" = 0 ]; then exec sh -c "$@"; else exec sudo -n -H -- env SSH_CONNECTION="$SSH_CONNECTION" sh -c "$@"; fi"#;

impl Connection {
    pub async fn open(target: &Target, transport: &Transport) -> Result<Self, ConnectError> {
        let settings = match transport {
            Transport::Ssh(settings) => settings,
            Transport::Scripted(nodes) => {
                return Ok(Self::Scripted { nodes: nodes.clone(), name: target.name().to_owned() });
            }
        };
        let Target::Node(node) = target else { return Ok(Self::Local(None)) };
        let files_error = |source| ConnectError::Files { path: settings.run.clone(), source };
        let kept = if settings.keep.is_zero() {
            None
        } else {
            Some(Kept::new(&settings.run, &identity(node, settings), settings.keep).map_err(files_error)?)
        };
        if let Some(kept) = &kept
            && let Some(master) = kept.find().await
        {
            return Ok(master.into());
        }
        // It is never closed.
        let _permit = settings.openings.0.acquire().await;
        remove_stale(&settings.run);
        if let Some(kept) = &kept {
            kept.sweep();
        }
        let run = own_directory(&settings.run).map_err(files_error)?;
        let files = Files { home: &settings.home, known_hosts: &settings.known_hosts, run: run.path() };
        let way = Way::to(node, &files).map_err(files_error)?;
        // Each machine on the way may have a key to be learned.
        let mut unknown = way.gateways.len() + 1;
        loop {
            let started = match &kept {
                Some(kept) => kept.start(&way).await,
                None => start_unkept(&way, &settings.run).await,
            };
            match started {
                Ok(master) => return Ok(master.into()),
                Err(NoMaster { hop, said }) if unknown > 0 && host_key::is_unknown(&said) => {
                    unknown -= 1;
                    host_key::learn(hop, run.path(), settings).await?;
                }
                Err(NoMaster { hop, said }) => return Err(refused(hop, &said).await),
            }
        }
    }

    /// How many more processes can be started at once over it, up to `most`.
    pub async fn sessions(&self, most: usize) -> usize {
        let mut started = Vec::new();
        while started.len() < most
            && let Ok(remote) = self.script("exec cat", &[]).await
        {
            started.push(remote);
        }
        started.len()
    }

    /// This machine, of which nothing is kept: not even the helper.
    pub fn throwaway(temporary: &Path) -> std::io::Result<Self> {
        tempfile::tempdir_in(temporary).map(|home| Self::Local(Some(Arc::new(home))))
    }

    /// Starts a constant shell script, as root, with arguments that are given as such.
    pub async fn script(&self, script: &'static str, args: &[&str]) -> Result<Remote, HelperError> {
        match self {
            Self::Scripted { nodes, name } => Ok(nodes.start(name)),
            Self::Local(home) => {
                let mut command = tokio::process::Command::new("sh");
                // What is done on this machine is done as who we are.
                command.arg("-c").arg(script).arg("ays").args(args).kill_on_drop(true);
                if let Some(home) = home {
                    command.env("HOME", home.path());
                }
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = command.spawn().map_err(|error| HelperError::Spawn(error.into()))?;
                let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
                let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
                remote(stdin, stdout, stderr, child, id)
            }
            Self::Ssh { session, .. } => {
                let mut command = Arc::clone(session).arc_command("sh");
                command.arg("-c").arg(AS_ROOT).arg("ays").arg(script).arg("ays").args(args);
                command
                    .stdin(openssh::Stdio::piped())
                    .stdout(openssh::Stdio::piped())
                    .stderr(openssh::Stdio::piped());
                let mut child = command.spawn().await.map_err(|error| HelperError::Spawn(error.into()))?;
                let (stdin, stdout, stderr) =
                    (child.stdin().take(), child.stdout().take(), child.stderr().take());
                remote(stdin, stdout, stderr, child, None)
            }
        }
    }

    /// Where notes about the node may lie as long as the connection stays.
    pub fn notes(&self) -> Option<&Path> {
        match self {
            Self::Local(_) | Self::Scripted { .. } => None,
            Self::Ssh { notes, .. } => notes.as_deref(),
        }
    }
}

impl From<Master> for Connection {
    fn from(Master { session, notes }: Master) -> Self {
        Self::Ssh { session: Arc::new(session), notes }
    }
}

/// What tells one kept connection from another: where it leads, as whom, and by whose files.
fn identity(node: &Node, settings: &SshSettings) -> String {
    let mut text = format!("{}\n{}\n", settings.home.display(), settings.known_hosts.display());
    let mut next = Some(node);
    while let Some(node) = next {
        let key = node.key.as_ref().map(|key| Sha256::digest(key.private.expose_secret()));
        text.push_str(&format!("{:?} {:?} {:?} {key:?}\n", node.host, node.port, node.login));
        next = node.gateway.as_deref();
    }
    text
}

fn remote(
    stdin: Option<impl AsyncWrite + Send + Unpin + 'static>,
    stdout: Option<impl AsyncRead + Send + Unpin + 'static>,
    stderr: Option<impl AsyncRead + Send + Unpin + 'static>,
    process: impl Send + 'static,
    id: Option<Pid>,
) -> Result<Remote, HelperError> {
    match (stdin, stdout, stderr) {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok(Remote {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            process: Box::new(process),
            id,
        }),
        _ => Err(HelperError::Spawn("its streams are missing".into())),
    }
}

pub(crate) async fn refused(hop: &Hop, said: &str) -> ConnectError {
    let reason = if said.contains(NOT_REACHED) {
        "its gateway does not reach it"
    } else {
        said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("ssh did not say why")
    };
    let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
    let name = hop.name.clone();
    if host_key::is_changed(said) {
        HostKeyError::Changed { hop: name, said: said.trim().to_owned() }.into()
    } else if !said.contains("Permission denied") && !said.contains("Too many authentication failures") {
        ConnectError::Unreachable { hop: name, why: NoAnswer::of(said), reason }
    } else if hop.has_password {
        ConnectError::OnlyPassword { hop: name, hop_host: hop.host.clone() }
    } else {
        ConnectError::Refused { hop: name, reason, offer: Offer::to(hop).await }
    }
}
