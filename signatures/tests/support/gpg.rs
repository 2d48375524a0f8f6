//! Real keys and signatures: gpg with a home of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// When the keys are made that have no other date.
pub const MADE: &str = "20250101T000000";

/// A gpg with a home of its own.
pub struct Gpg {
    home: TempDir,
}

impl Gpg {
    pub fn new() -> Self {
        // Its agent's socket has a path of at most 108 bytes.
        let home = tempfile::Builder::new().prefix("g").tempdir_in("/tmp").expect("a directory");
        Self { home }
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join(name)
    }

    /// Runs gpg at a time (`20250101T000000`); gives what it printed.
    pub fn at(&self, time: &str, args: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""])
            .arg("--homedir")
            .arg(self.home.path())
            .arg(format!("--faked-system-time={time}!"))
            .args(args)
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .output()
            .expect("gpg, of the package gnupg");
        assert!(output.status.success(), "gpg {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key of this kind (`ed25519`, `rsa3072`) for these uses (`sign`, `cert`); gives its fingerprint.
    pub fn key(&self, user: &str, kind: &str, uses: &str, lasts: &str) -> String {
        self.at(MADE, &["--quick-gen-key", user, kind, uses, lasts]);
        self.fingerprint(user)
    }

    /// The fingerprint of a user's key.
    pub fn fingerprint(&self, user: &str) -> String {
        let listed = String::from_utf8(self.at(MADE, &["--with-colons", "--list-keys", user])).expect("text");
        let line = listed.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.split(':').nth(9).expect("a fingerprint").to_owned()
    }

    /// The public key in ASCII armor.
    pub fn public(&self, user: &str) -> Vec<u8> {
        self.at(MADE, &["--armor", "--export", user])
    }

    /// A signature of these bytes, made a day after the keys.
    pub fn sign(&self, user: &str, how: &[&str], bytes: &[u8]) -> Vec<u8> {
        self.sign_at("20250102T000000", user, how, bytes)
    }

    pub fn sign_at(&self, time: &str, user: &str, how: &[&str], bytes: &[u8]) -> Vec<u8> {
        fs::write(self.file("signed"), bytes).expect("a file");
        let mut args = vec!["--local-user", user, "--output", "-"];
        args.extend(how);
        args.push("signed");
        self.at(time, &args)
    }

    /// What gpg itself says of a file, for tests of what is written here.
    pub fn reads(&self, file: &Path) -> String {
        let output = Command::new("gpg").arg("--show-keys").arg(file).output().expect("gpg");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // The agent that it started would live on without its home.
        let _ =
            Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).status();
    }
}
