//! Host keys of machines that have never been seen: shown, asked about, learned.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use ays_model::{HostKey, NewHostKeys, NodeName};
use tokio::process::Command;

use crate::hop::{Hop, quoted};
use crate::settings::SshSettings;

/// Why a host key is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// Nobody was there to be asked.
    #[error(
        "the host key of {0} is not known: compare the fingerprint, then run again with --accept-new-host-key"
    )]
    Unknown(HostKey),
    /// The operator said no.
    #[error("the host key of {0} was not accepted")]
    Declined(HostKey),
    /// It is another one than the one that is known.
    #[error("{hop}: its host key is not the one that is known; nothing was sent\n{said}")]
    Changed {
        /// The node or gateway.
        hop: NodeName,
        /// What ssh said: it names the file and the line.
        said: String,
    },
    /// The machine did not show its key.
    #[error("{hop}: its host key could not be read: {said}")]
    NotShown {
        /// The node or gateway.
        hop: NodeName,
        /// What ssh said.
        said: String,
    },
    /// It could not be written down.
    #[error("{path}: the host key cannot be written", path = .path.display())]
    NotWritten {
        /// The known hosts file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Whether ssh failed because it does not know the host's key.
pub(crate) fn is_unknown(said: &str) -> bool {
    said.contains("host key is known for") && !is_changed(said)
}

/// Whether ssh failed because it knows another key for the host.
pub(crate) fn is_changed(said: &str) -> bool {
    said.contains("IDENTIFICATION HAS CHANGED") || said.contains("Offending")
}

/// Has a machine show its key, and writes it down when that is wanted.
pub(crate) async fn learn(hop: &Hop, run: &Path, settings: &SshSettings) -> Result<(), HostKeyError> {
    let shown = run.join("shown-host-key");
    // A file of an earlier hop would be shown for this one.
    let _ = std::fs::remove_file(&shown);
    let ssh = Command::new("ssh")
        .arg("-F")
        .arg(hop.config())
        .args(["-o", "StrictHostKeyChecking=accept-new", "-o", "GlobalKnownHostsFile=/dev/null"])
        .args(["-o", "HashKnownHosts=no", "-o", "PreferredAuthentications=none", "-o"])
        .arg(format!("UserKnownHostsFile={}", quoted(&shown)))
        .args(["-T", "--", &hop.host, "true"])
        .stdin(Stdio::null())
        .output()
        .await;
    let not_shown = |said: String| HostKeyError::NotShown { hop: hop.name.clone(), said };
    let ssh = ssh.map_err(|error| not_shown(error.to_string()))?;
    let line = std::fs::read_to_string(&shown)
        .map_err(|_| not_shown(String::from_utf8_lossy(&ssh.stderr).trim().to_owned()))?;

    let keygen =
        Command::new("ssh-keygen").arg("-l").arg("-f").arg(&shown).stdin(Stdio::null()).output().await;
    let keygen = keygen.map_err(|error| not_shown(error.to_string()))?;
    let key = shown_key(format!("{} ({})", hop.name, hop.host), &String::from_utf8_lossy(&keygen.stdout));
    match &settings.new_host_keys {
        NewHostKeys::Refuse => return Err(HostKeyError::Unknown(key)),
        NewHostKeys::Accept => {}
        NewHostKeys::Ask(ask) => {
            let (ask, asked) = (Arc::clone(ask), key.clone());
            // An answer that was never given is a no.
            if !tokio::task::spawn_blocking(move || ask(&asked)).await.unwrap_or(false) {
                return Err(HostKeyError::Declined(key));
            }
        }
    }
    let path = &settings.learned;
    append(path, &line).map_err(|source| HostKeyError::NotWritten { path: path.clone(), source })
}

/// A key as `ssh-keygen -l` shows it: its length, `SHA256:` and the digest, a comment, and `(KIND)`.
fn shown_key(machine: String, shown: &str) -> HostKey {
    let words: Vec<&str> = shown.split_whitespace().collect();
    let fingerprint = words.get(1).copied().unwrap_or_default().to_owned();
    let kind = words.last().copied().unwrap_or_default().trim_matches(['(', ')']).to_owned();
    HostKey { machine, kind, fingerprint, others: Vec::new() }
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let last = std::fs::read(path).ok().and_then(|bytes| bytes.last().copied());
    let break_first = if last.is_some_and(|last| last != b'\n') { "\n" } else { "" };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o644).open(path)?;
    file.write_all(format!("{break_first}{}\n", line.trim_end()).as_bytes())
}
