//! Connections: a master of OpenSSH to a node, or this machine itself.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use openssh::{ControlPersist, KnownHosts, Session, SessionBuilder};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::helper::HelperError;
use crate::hop::{Files, Hop, Way};
use crate::host_key::{self, HostKey, HostKeyError};
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
    },
    /// It answers but does not let us in.
    #[error("{hop}: the login was refused: {reason}")]
    Refused {
        /// The node or gateway.
        hop: String,
        /// What ssh said.
        reason: String,
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
}

/// A process on the other side, its streams connected to us.
pub(crate) struct Remote {
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Keeps the streams alive.
    pub process: Box<dyn Send>,
}

/// A way to start processes on a node.
pub(crate) enum Connection {
    /// This machine. With a directory, that stands for the home directory, and goes with the connection.
    Local(Option<TempDir>),
    Ssh {
        session: Arc<Session>,
        _run: TempDir,
        _way: Way,
    },
}

/// Runs `"$@"` as root: a login that is not root uses sudo, which asks for nothing.
const AS_ROOT: &str =
    r#"if [ "$(id -u)" = 0 ]; then exec sh -c "$@"; else exec sudo -n -H -- sh -c "$@"; fi"#;

impl Connection {
    pub async fn open(target: &Target, settings: &SshSettings) -> Result<Self, ConnectError> {
        let Target::Node(node) = target else { return Ok(Self::Local(None)) };
        let files_error = |source| ConnectError::Files { path: settings.run.clone(), source };
        remove_stale(&settings.run);
        let run = tempfile::Builder::new()
            .prefix(&format!("ays-ssh-{}-", std::process::id()))
            .tempdir_in(&settings.run)
            .map_err(files_error)?;
        let files = Files { home: &settings.home, known_hosts: &settings.known_hosts, run: run.path() };
        let way = Way::to(node, &files).map_err(files_error)?;
        // Each machine on the way may have a key to be learned.
        for _ in 0..=way.gateways.len() {
            match connect(&way, run.path()).await {
                Ok(session) => return Ok(Self::Ssh { session: Arc::new(session), _run: run, _way: way }),
                Err((hop, said)) if host_key::is_unknown(&said) => {
                    host_key::learn(hop, run.path(), settings).await?;
                }
                Err((hop, said)) => return Err(refused(hop, &said)),
            }
        }
        let session = connect(&way, run.path()).await.map_err(|(hop, said)| refused(hop, &said))?;
        Ok(Self::Ssh { session: Arc::new(session), _run: run, _way: way })
    }

    /// This machine, of which nothing is kept: not even the helper.
    pub fn throwaway(temporary: &Path) -> std::io::Result<Self> {
        tempfile::tempdir_in(temporary).map(|home| Self::Local(Some(home)))
    }

    /// Starts a constant shell script, as root, with arguments that are given as such.
    pub async fn script(&self, script: &'static str, args: &[&str]) -> Result<Remote, HelperError> {
        match self {
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
                remote(stdin, stdout, stderr, child)
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
                remote(stdin, stdout, stderr, child)
            }
        }
    }

    /// Ends the connection and what belongs to it.
    pub async fn close(self) {
        if let Self::Ssh { session, .. } = self
            && let Some(session) = Arc::into_inner(session)
        {
            // A master that is gone already is closed.
            let _ = session.close().await;
        }
    }
}

fn remote(
    stdin: Option<impl AsyncWrite + Send + Unpin + 'static>,
    stdout: Option<impl AsyncRead + Send + Unpin + 'static>,
    stderr: Option<impl AsyncRead + Send + Unpin + 'static>,
    process: impl Send + 'static,
) -> Result<Remote, HelperError> {
    match (stdin, stdout, stderr) {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok(Remote {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            process: Box::new(process),
        }),
        _ => Err(HelperError::Spawn("its streams are missing".into())),
    }
}

/// How long an idle master stays: one whose controller was killed goes soon after.
const MASTER_IDLE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// Starts a master; an error comes with the hop that caused it and what ssh said about it.
async fn connect<'a>(way: &'a Way, run: &Path) -> Result<Session, (&'a Hop, String)> {
    for log in way.gateways.iter().filter_map(|gateway| gateway.log.as_ref()) {
        // An old log would be taken for this try's.
        let _ = std::fs::remove_file(log);
    }
    let result = SessionBuilder::default()
        .config_file(way.node.config())
        .control_directory(run)
        .clean_history_control_directory(false)
        .control_persist(ControlPersist::IdleFor(MASTER_IDLE))
        .known_hosts_check(KnownHosts::Strict)
        .connect(&way.node.host)
        .await;
    let said = match result {
        Ok(session) => return Ok(session),
        Err(openssh::Error::Connect(error) | openssh::Error::Master(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    for gateway in &way.gateways {
        let said = gateway.log.as_ref().and_then(|log| std::fs::read_to_string(log).ok()).unwrap_or_default();
        if !said.trim().is_empty() {
            return Err((gateway, said));
        }
    }
    Err((&way.node, said))
}

fn refused(hop: &Hop, said: &str) -> ConnectError {
    let reason = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("ssh did not say why");
    let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
    let name = hop.name.clone();
    if host_key::is_changed(said) {
        HostKeyError::Changed { hop: name, said: said.trim().to_owned() }.into()
    } else if !said.contains("Permission denied") {
        ConnectError::Unreachable { hop: name, reason }
    } else if hop.has_password {
        ConnectError::OnlyPassword { hop: name, hop_host: hop.host.clone() }
    } else {
        ConnectError::Refused { hop: name, reason }
    }
}

/// Removes the directories of connections whose process was killed.
fn remove_stale(run: &Path) {
    let Ok(entries) = std::fs::read_dir(run) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix("ays-ssh-")?.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another user's is not ours to remove.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
