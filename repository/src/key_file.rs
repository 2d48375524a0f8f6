//! Files of private keys.

use std::io::Read;
use std::path::Path;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFile {
    Missing,
    Plain,
    /// It needs a passphrase.
    Encrypted,
}

/// As much as tells whether a key is encrypted.
const HEAD: u64 = 200;

/// How an OpenSSH key begins when nothing encrypts it: the format's name, then twice `none`, in base64.
const PLAIN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZ";

impl KeyFile {
    /// Looks at the beginning of a file.
    pub fn look(path: &Path) -> Self {
        let mut head = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        if read.is_err() {
            return Self::Missing;
        }
        let head = String::from_utf8_lossy(&head);
        let is_encrypted = match head.split_once("-----BEGIN OPENSSH PRIVATE KEY-----") {
            Some((_, body)) => !body.trim_start().starts_with(PLAIN),
            None => head.contains("ENCRYPTED"),
        };
        if is_encrypted { Self::Encrypted } else { Self::Plain }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_key_is_told_from_a_plain_one() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(KeyFile::look(&dir.path().join("gone")), KeyFile::Missing);
        for (format, passphrase, found) in [
            ("RFC4716", "", KeyFile::Plain),
            ("RFC4716", "hunter2", KeyFile::Encrypted),
            ("PEM", "", KeyFile::Plain),
            ("PEM", "hunter2", KeyFile::Encrypted),
            ("PKCS8", "hunter2", KeyFile::Encrypted),
        ] {
            let path = dir.path().join(format!("{format}{passphrase}"));
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ecdsa", "-m", format, "-N", passphrase, "-f"])
                .arg(&path)
                .status();
            assert!(made.unwrap().success());
            assert_eq!(KeyFile::look(&path), found, "{format} {passphrase}");
        }
    }
}
