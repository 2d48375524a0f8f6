//! Host keys: compared with what OpenSSH's files know, and learned.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ays_model::{HostKey, NewHostKeys};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// Why a host key is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// Nobody was there to be asked.
    #[error(
        "the host key of {0} is not known: compare the fingerprint, then run again with --accept-new-host-key"
    )]
    Unknown(HostKey),
    /// Only a person can tell: the machine is known by a key of another kind.
    #[error("the host key of {0}: compare the fingerprint, then add the key to ~/.ssh/known_hosts (ssh -o HostKeyAlgorithms={kind} does)", kind = .0.kind)]
    OtherKind(HostKey),
    /// The operator said no.
    #[error("the host key of {0} was not accepted")]
    Declined(HostKey),
    /// It is another one than the one that is known.
    #[error("{host}: its host key {fingerprint} is not the one that is known ({known}); nothing was sent. Where the machine was made anew: ssh-keygen -R '{host}' -f {file}", file = .file.display())]
    Changed {
        /// The machine.
        host: String,
        /// What it has now.
        fingerprint: String,
        /// The file and line that know another.
        known: String,
        /// The file.
        file: PathBuf,
    },
    /// Its key was revoked.
    #[error("{host}: its host key is marked as revoked ({known}); nothing was sent")]
    Revoked {
        /// The machine.
        host: String,
        /// The file and line that say so.
        known: String,
    },
    /// The connection showed none, or not one that can be read.
    #[error("{host}: it showed no host key that can be read")]
    NotShown {
        /// The machine.
        host: String,
    },
    /// `ssh-keygen` does not run.
    #[error("ssh-keygen cannot be run")]
    Keygen(#[source] std::io::Error),
    /// It could not be written down.
    #[error("{path}: the host key cannot be written", path = .path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A line of a file of known hosts.
struct Line {
    place: String,
    file: PathBuf,
    is_revoked: bool,
    kind: String,
    key: String,
}

/// Passes a key (as it goes over the wire) that one of the `files` knows for `host`; a new one is a matter of
/// `new_host_keys`, and is written to `learned`.
pub(crate) fn check(
    host: &str,
    key: Option<&[u8]>,
    files: &[PathBuf],
    learned: &Path,
    new_host_keys: &NewHostKeys,
) -> Result<(), HostKeyError> {
    let not_shown = || HostKeyError::NotShown { host: host.to_owned() };
    let key = key.ok_or_else(not_shown)?;
    let kind = kind(key).ok_or_else(not_shown)?;
    let text = STANDARD.encode(key);
    let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)));
    let mut known = Vec::new();
    for file in files {
        known.extend(lines(host, file)?);
    }
    if let Some(line) = known.iter().find(|line| line.is_revoked && line.key == text) {
        return Err(HostKeyError::Revoked { host: host.to_owned(), known: line.place.clone() });
    }
    known.retain(|line| !line.is_revoked);
    if known.iter().any(|line| line.key == text) {
        return Ok(());
    }
    if let Some(line) = known.iter().find(|line| line.kind == kind) {
        return Err(HostKeyError::Changed {
            host: host.to_owned(),
            fingerprint,
            known: line.place.clone(),
            file: line.file.clone(),
        });
    }
    let others = known.into_iter().map(|line| line.place).collect();
    let new = HostKey { machine: host.to_owned(), kind, fingerprint, others };
    match new_host_keys {
        NewHostKeys::Refuse if new.others.is_empty() => return Err(HostKeyError::Unknown(new)),
        NewHostKeys::Accept if new.others.is_empty() => {}
        // Whoever stands between could show a key of a kind that nobody knows.
        NewHostKeys::Refuse | NewHostKeys::Accept => return Err(HostKeyError::OtherKind(new)),
        NewHostKeys::Ask(ask) if !ask(&new) => return Err(HostKeyError::Declined(new)),
        NewHostKeys::Ask(_) => {}
    }
    append(learned, &format!("{host} {} {text}\n", new.kind))
        .map_err(|source| HostKeyError::NotWritten { path: learned.to_owned(), source })
}

/// Whether one of the `files` has an authority that signs the host keys of `host`.
pub(crate) fn has_authority(host: &str, files: &[PathBuf]) -> Result<bool, HostKeyError> {
    for file in files {
        if found(host, file)?.lines().any(|line| line.starts_with("@cert-authority")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The name that a key begins with.
fn kind(key: &[u8]) -> Option<String> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    let name = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let name = std::str::from_utf8(name).ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-@.".contains(c);
    (!name.is_empty() && name.chars().all(is_plain)).then(|| name.to_owned())
}

/// The lines of a file that are about a host, each after a comment with its number. `ssh-keygen` finds them, hashed names
/// and patterns too.
fn found(host: &str, file: &Path) -> Result<String, HostKeyError> {
    if !file.is_file() {
        return Ok(String::new());
    }
    let found =
        Command::new("ssh-keygen").arg("-F").arg(host).arg("-f").arg(file).stdin(Stdio::null()).output();
    Ok(String::from_utf8_lossy(&found.map_err(HostKeyError::Keygen)?.stdout).into_owned())
}

/// What a file knows of a host.
fn lines(host: &str, file: &Path) -> Result<Vec<Line>, HostKeyError> {
    let mut number = None;
    let mut lines = Vec::new();
    for line in found(host, file)?.lines() {
        if line.starts_with('#') {
            number = line.split(" line ").nth(1).and_then(|rest| rest.split(' ').next()).map(str::to_owned);
            continue;
        }
        let mut words = line.split_whitespace().peekable();
        let marker = words.next_if(|word| word.starts_with('@'));
        // Authorities sign host keys; only plain ones are compared.
        if marker.is_none_or(|marker| marker == "@revoked")
            && let (Some(_names), Some(kind), Some(key)) = (words.next(), words.next(), words.next())
        {
            lines.push(Line {
                place: format!("{}:{}", file.display(), number.as_deref().unwrap_or("?")),
                file: file.to_owned(),
                is_revoked: marker.is_some(),
                kind: kind.to_owned(),
                key: key.to_owned(),
            });
        }
    }
    Ok(lines)
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let last = std::fs::read(path).ok().and_then(|bytes| bytes.last().copied());
    let break_first = if last.is_some_and(|last| last != b'\n') { "\n" } else { "" };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(format!("{break_first}{line}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of this kind as it goes over the wire.
    fn key(kind: &str, seed: u8) -> Vec<u8> {
        let part = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        [part(kind.as_bytes()), part(&[seed; 32])].concat()
    }

    fn line(host: &str, key: &[u8]) -> String {
        format!("{host} {} {}\n", kind(key).unwrap(), STANDARD.encode(key))
    }

    #[test]
    fn a_key_is_compared_with_what_the_files_know() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("known_hosts");
        let (right, wrong, other) = (key("ssh-ed25519", 1), key("ssh-ed25519", 2), key("ssh-rsa", 3));
        let text = [
            line("plain,[h]:2222", &right),
            line("*.pattern", &right),
            line("changed", &wrong),
            line("other", &other),
            format!("@revoked {}", line("revoked", &right)),
        ];
        std::fs::write(&file, text.concat()).unwrap();
        let hashed = dir.path().join("hashed");
        std::fs::write(&hashed, line("hashed", &right)).unwrap();
        let made = Command::new("ssh-keygen").arg("-qHf").arg(&hashed).status().unwrap();
        assert!(made.success() && !std::fs::read_to_string(&hashed).unwrap().contains("hashed"));
        let files = [dir.path().join("gone"), file.clone(), hashed];
        let learned = dir.path().join("ssh/known_hosts");
        let check = |host: &str, new: &NewHostKeys| check(host, Some(&right), &files, &learned, new);
        for host in ["plain", "[h]:2222", "a.pattern", "hashed"] {
            check(host, &NewHostKeys::Refuse).unwrap();
        }
        let refused = |host: &str, new: &NewHostKeys| check(host, new).unwrap_err().to_string();
        let shown = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&right)));
        let place = file.display();
        assert_eq!(
            refused("changed", &NewHostKeys::Accept),
            format!(
                "changed: its host key {shown} is not the one that is known ({place}:3); nothing was sent. Where the \
                 machine was made anew: ssh-keygen -R 'changed' -f {place}"
            )
        );
        assert_eq!(
            refused("revoked", &NewHostKeys::Accept),
            format!("revoked: its host key is marked as revoked ({place}:5); nothing was sent")
        );
        assert_eq!(
            refused("other", &NewHostKeys::Accept),
            format!(
                "the host key of other: {shown} (ssh-ed25519); other kinds of keys of it are known ({place}:4): compare \
                 the fingerprint, then add the key to ~/.ssh/known_hosts (ssh -o HostKeyAlgorithms=ssh-ed25519 does)"
            )
        );
        assert_eq!(
            refused("new", &NewHostKeys::Refuse),
            format!(
                "the host key of new: {shown} (ssh-ed25519) is not known: compare the fingerprint, then run again with \
                 --accept-new-host-key"
            )
        );
        assert_eq!(
            refused("new", &NewHostKeys::Ask(std::sync::Arc::new(|_| false))),
            format!("the host key of new: {shown} (ssh-ed25519) was not accepted")
        );
        assert!(!learned.exists());
        check("new", &NewHostKeys::Accept).unwrap();
        check("other", &NewHostKeys::Ask(std::sync::Arc::new(|key| key.others.len() == 1))).unwrap();
        let expected = [line("new", &right), line("other", &right)].concat();
        assert_eq!(std::fs::read_to_string(&learned).unwrap(), expected);
    }
}
