//! Connections: a master of OpenSSH to a node, or this machine itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use ays_model::{Node, NodeName, Target};
use openssh::Session;
use rustix::process::Pid;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connect_error::{ConnectError, refused};
use crate::helper_error::HelperError;
use crate::hop::{Files, Way};
use crate::host_key;
use crate::master::{Kept, Master, NoMaster, own_directory, remove_stale, start_unkept};
use crate::remote::Remote;
use crate::scripted::Scripted;
use crate::settings::{SshSettings, Transport};

/// A way to start processes on a node. Clones share it.
#[derive(Clone)]
pub enum Connection {
    /// This machine. With a directory, that stands for the home directory, and goes with the connection.
    Local(Option<Arc<TempDir>>),
    /// By a master of OpenSSH.
    Ssh {
        /// The master.
        session: Arc<Session>,
        /// Where notes about the node may lie as long as the master lives.
        notes: Option<PathBuf>,
    },
    /// A test's.
    Scripted {
        /// How its nodes answer.
        nodes: Scripted,
        /// The node.
        name: NodeName,
    },
}

/// Runs `"$@"` as root: a login that is not root uses sudo, which asks for nothing.
const AS_ROOT: &str = r#"if [ "$(id -u)" = 0 ]; then exec sh -c "$@"; else exec sudo -n -H -- env SSH_CONNECTION="$SSH_CONNECTION" sh -c "$@"; fi"#;

impl Connection {
    /// Opens a connection to a target, or takes one that was kept.
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
    pub(crate) async fn script(&self, script: &'static str, args: &[&str]) -> Result<Remote, HelperError> {
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
    pub(crate) fn notes(&self) -> Option<&Path> {
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
