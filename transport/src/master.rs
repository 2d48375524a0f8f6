//! Masters of OpenSSH: one connection to a node that all our commands go through, and that stays for a while.
//!
//! A master that stays is found again by its socket, whose name is made from what it leads to. The directory of these
//! sockets is this user's alone. Who starts one holds a lock on its log, so that no two are started for one node.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::time::Duration;

use openssh::{Session, Stdio};
use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::time::sleep;

use crate::hop::{Hop, Way};
use crate::remote::Remote;
use crate::run_directory::own_directory;

/// How long a master stays that is not kept: one whose controller was killed goes soon after.
const UNKEPT: Duration = Duration::from_secs(5);

/// How often a master that another process is starting is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A connection to a node.
pub(crate) struct Master {
    session: Arc<Session>,
    /// Where notes about the node at its other end may lie as long as it stays; none when it is not kept.
    pub notes: Option<PathBuf>,
}

impl Master {
    fn new(session: Session, notes: Option<PathBuf>) -> Self {
        Self { session: Arc::new(session), notes }
    }

    /// Starts a command on the node; none when the node lets this connection have no more sessions, or it is gone.
    pub async fn start(&self, command: &str) -> Option<Remote> {
        let mut command = Arc::clone(&self.session).arc_raw_command(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().await.ok()?;
        let (stdin, stdout, stderr) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
        Remote::new(stdin, stdout, stderr, child).ok()
    }
}

/// What ssh said when there was no connection, and the machine on the way that it is about.
pub(crate) struct NoMaster<'a> {
    pub hop: &'a Hop,
    pub said: String,
}

/// The place of the master that leads to a node, if masters are kept.
pub(crate) struct Kept {
    directory: PathBuf,
    name: String,
    keep: Duration,
}

impl Kept {
    /// Below `run`, for what `identity` tells apart.
    pub fn new(run: &Path, identity: &str, keep: Duration) -> io::Result<Self> {
        let user = rustix::process::geteuid().as_raw();
        let directory = run.join(format!("ays-{user}"));
        match DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // In a directory that all may write, somebody else may have made it.
        let found = directory.symlink_metadata()?;
        if !found.is_dir() || found.uid() != user || found.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::other("it is not a directory of this user's alone"));
        }
        let digest = Sha256::digest(identity);
        let name = hex::encode(&digest[..10]);
        Ok(Self { directory, name, keep })
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.directory.join(format!("{}{suffix}", self.name))
    }

    /// The master that is there.
    pub async fn find(&self) -> Option<Master> {
        let session = Session::resume_mux(self.path("").into(), None);
        session.check().await.ok()?;
        Some(Master::new(session, Some(self.path(".notes"))))
    }

    /// The master that is there, or a new one.
    pub async fn start<'a>(&self, way: &'a Way) -> Result<Master, NoMaster<'a>> {
        let failed = |error: io::Error| NoMaster { hop: &way.node, said: format!("{NO_SOCKET}: {error}") };
        let log = self.path(".log");
        loop {
            if let Some(found) = self.find().await {
                return Ok(found);
            }
            let Some(_lock) = try_lock(&log).map_err(failed)? else {
                sleep(LOOK_EVERY).await;
                continue;
            };
            // Its last holder may have started one between the look and the lock.
            if let Some(found) = self.find().await {
                return Ok(found);
            }
            // A master that was killed leaves its socket, and what was noted of its node may be true no more.
            for old in [self.path(""), self.path(".notes")] {
                let _ = std::fs::remove_file(old);
            }
            launch(way, &self.path(""), &log, self.keep).await?;
            return self.find().await.ok_or_else(|| failed(io::Error::other("it does not answer")));
        }
    }

    /// Removes what masters left that are gone. A file that is still in use stays.
    pub fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            let log = entry.path();
            if log.extension().is_none_or(|extension| extension != "log") || log == self.path(".log") {
                continue;
            }
            let socket = log.with_extension("");
            if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
                continue;
            }
            if let Ok(Some(_lock)) = try_lock(&log) {
                for old in [socket, log.with_extension("notes"), log] {
                    let _ = std::fs::remove_file(old);
                }
            }
        }
    }
}

/// A master for one run alone, with a directory below `run` that goes with it.
pub(crate) async fn start_unkept<'a>(way: &'a Way, run: &Path) -> Result<Master, NoMaster<'a>> {
    let directory = own_directory(run)
        .map_err(|error| NoMaster { hop: &way.node, said: format!("{}: {error}", run.display()) })?;
    launch(way, &directory.path().join("master"), &directory.path().join("log"), UNKEPT).await?;
    Ok(Master::new(Session::new_native_mux(directory), None))
}

/// Starts a master; ssh goes to the background when it is connected.
async fn launch<'a>(way: &'a Way, socket: &Path, log: &Path, keep: Duration) -> Result<(), NoMaster<'a>> {
    forget(way);
    // Emptied, not removed: the lock is on it.
    let _ = OpenOptions::new().write(true).truncate(true).open(log);
    let status = Command::new("ssh")
        .arg("-F")
        .arg(way.node.config())
        .arg("-E")
        .arg(log)
        .arg("-S")
        .arg(socket)
        .args(["-M", "-f", "-N", "-o"])
        .arg(format!("ControlPersist={}", keep.as_secs().max(1)))
        .args(["-o", "StrictHostKeyChecking=yes", "--", &way.node.host])
        .stdin(process::Stdio::null())
        .stdout(process::Stdio::null())
        .stderr(process::Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
    let said = match status {
        Ok(status) if status.success() => return Ok(()),
        Ok(_) => std::fs::read_to_string(log).unwrap_or_default(),
        Err(error) => error.to_string(),
    };
    Err(blamed(way, said))
}

/// What is said when the place of a master on this machine is at fault.
const NO_SOCKET: &str = "its socket cannot be used";

/// Whether the master's place on this machine is at fault. ssh makes the socket after it was let in.
pub(crate) fn lacks_socket(said: &str) -> bool {
    [NO_SOCKET, "unix_listener:", "link mux listener"].iter().any(|words| said.contains(words))
}

/// Removes what was said of the gateways before: it would be taken for the next try's.
pub(crate) fn forget(way: &Way) {
    for log in way.gateways.iter().filter_map(|gateway| gateway.log.as_ref()) {
        let _ = std::fs::remove_file(log);
    }
}

/// What a gateway's ssh says when the gateway is there, but does not reach the next machine.
pub(crate) const NOT_REACHED: &str = "stdio forwarding failed";

/// What ssh said of the machine on the way that it is about; `said` is of the node.
pub(crate) fn blamed(way: &Way, said: String) -> NoMaster<'_> {
    for (number, gateway) in way.gateways.iter().enumerate() {
        let said = gateway.log.as_ref().and_then(|log| std::fs::read_to_string(log).ok()).unwrap_or_default();
        if said.contains(NOT_REACHED) {
            return NoMaster { hop: way.gateways.get(number + 1).unwrap_or(&way.node), said };
        }
        if !said.trim().is_empty() {
            return NoMaster { hop: gateway, said };
        }
    }
    NoMaster { hop: &way.node, said }
}

/// Opens and locks a file, made when it is missing; none when another one has the lock.
fn try_lock(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // A sweep may have removed it between the opening and the lock.
        if path.metadata().is_ok_and(|found| file.metadata().is_ok_and(|held| held.ino() == found.ino())) {
            return Ok(Some(file));
        }
    }
}
