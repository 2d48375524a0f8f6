//! A node that is reached by ssh: over a master, or over a connection for each command where that is not possible.

use std::path::Path;
use std::process::Stdio;

use ays_model::Node;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::connect_error::{ConnectError, refused};
use crate::helper_error::HelperError;
use crate::hop::Way;
use crate::host_key;
use crate::master::{Kept, Master, NoMaster, lacks_socket, start_unkept};
use crate::remote::Remote;
use crate::run_directory::{remove_stale, usable};
use crate::settings::SshSettings;

/// A node that let us in.
pub(crate) struct SshNode {
    node: Node,
    settings: SshSettings,
    /// None where no socket for it can be made.
    master: Option<Master>,
}

impl SshNode {
    /// Logs in, or takes a master that was kept.
    pub async fn open(node: &Node, settings: &SshSettings) -> Result<Self, ConnectError> {
        let settings = SshSettings { run: usable(&settings.run).to_owned(), ..settings.clone() };
        let master = find_or_start(node, &settings).await?;
        Ok(Self { node: node.clone(), settings, master })
    }

    /// Starts a command. sshd may let one connection have few sessions, and free them late: then the command has a
    /// connection of its own.
    pub async fn start(&self, command: &str) -> Result<Remote, HelperError> {
        if let Some(master) = &self.master
            && let Some(remote) = master.start(command).await
        {
            return Ok(remote);
        }
        let failed = |error: std::io::Error| HelperError::Spawn(error.into());
        let way = Way::to(&self.node, &self.settings).map_err(failed)?;
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(way.node.config()).args(["-T", "--", &way.node.host, command]);
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = ssh.spawn().map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // While ssh connects, it reads the files of the way.
        Remote::new(stdin, stdout, stderr, (child, way))
    }

    /// How many more commands can be started at once over the master, up to `most`.
    pub async fn sessions(&self, most: usize) -> usize {
        // Without one it is not sshd that sets the limit.
        let Some(master) = &self.master else { return most };
        let mut started = Vec::new();
        while started.len() < most
            && let Some(remote) = master.start("exec cat").await
        {
            started.push(remote);
        }
        started.len()
    }

    /// Where notes about the node may lie as long as the master stays.
    pub fn notes(&self) -> Option<&Path> {
        self.master.as_ref()?.notes.as_deref()
    }
}

/// None where the node lets us in, but no socket for a master can be made.
async fn find_or_start(node: &Node, settings: &SshSettings) -> Result<Option<Master>, ConnectError> {
    let mut kept = if settings.keep.is_zero() {
        None
    } else {
        // Where that directory is somebody else's, none is kept.
        Kept::new(&settings.run, &identity(node, settings), settings.keep).ok()
    };
    if let Some(kept) = &kept
        && let Some(master) = kept.find().await
    {
        return Ok(Some(master));
    }
    // It is never closed.
    let _permit = settings.openings.0.acquire().await;
    remove_stale(&settings.run);
    if let Some(kept) = &kept {
        kept.sweep();
    }
    let files_error = |source| ConnectError::Files { path: settings.run.clone(), source };
    let way = Way::to(node, settings).map_err(files_error)?;
    // Each machine on the way may have a key to be learned.
    let mut unknown = way.gateways.len() + 1;
    loop {
        let started = match &kept {
            Some(kept) => kept.start(&way).await,
            None => start_unkept(&way, &settings.run).await,
        };
        match started {
            Ok(master) => return Ok(Some(master)),
            Err(NoMaster { said, .. }) if lacks_socket(&said) => {
                // A directory that cannot keep one may still have one for a while.
                if kept.take().is_none() {
                    return Ok(None);
                }
            }
            Err(NoMaster { hop, said }) if unknown > 0 && host_key::is_unknown(&said) => {
                unknown -= 1;
                host_key::learn(hop, way.directory.path(), settings).await?;
            }
            Err(NoMaster { hop, said }) => return Err(refused(hop, &said).await),
        }
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
