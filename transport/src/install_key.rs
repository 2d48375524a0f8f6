//! A public key put on a node. Where no key is let in yet, ssh itself asks for the password, on its terminal: it never
//! passes here.

use std::process::Stdio;

use ays_model::{Node, NodeName};
use tokio::process::Command;

use crate::connect_error::{ConnectError, refused};
use crate::hop::Way;
use crate::host_key;
use crate::login_shell;
use crate::master::{NoMaster, blamed, forget};
use crate::run_directory::usable;
use crate::settings::SshSettings;

/// A public key, as a line of `authorized_keys` has it, without options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Kind and key: two words.
    key: String,
    comment: String,
}

/// A text that is no public key. It is not shown: it may be a private one.
#[derive(Debug, thiserror::Error)]
#[error("it is no public key: that is one line, such as `ssh-ed25519 AAAA.. ops@example.org`")]
pub struct PublicKeyError;

/// Whether ssh may ask for a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// On its terminal.
    OnTerminal,
    /// There is nobody to ask.
    Nobody,
}

/// What became of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is there now.
    Added,
    /// It was there.
    WasThere,
}

/// Why the key is not on the node.
#[derive(Debug, thiserror::Error)]
pub enum InstallKeyError {
    /// Nobody was let in.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It could not be written.
    #[error("{node}: the key could not be put into ~/.ssh/authorized_keys{}", quoted(.said))]
    NotWritten {
        /// The node.
        node: NodeName,
        /// What its shell said.
        said: String,
    },
}

/// A key to be put on a node.
pub struct InstallKey<'a> {
    /// Where.
    pub node: &'a Node,
    /// What.
    pub key: &'a PublicKey,
    /// Whether a password may be asked for.
    pub asking: Asking,
    /// How the node is reached.
    pub settings: &'a SshSettings,
}

/// `$1`: the key without its comment. `$2`: its comment. The new file takes the old one's place when it is whole.
const SCRIPT: &str = r#"
umask 077
cd && mkdir -p .ssh && chmod 700 .ssh || exit
f=.ssh/authorized_keys
[ -L $f ] && f=$(readlink -f $f)
if [ -f "$f" ] && grep -v '^[[:space:]]*#' "$f" | grep -qF -e "$1"; then
  echo
  echo ays: was there
  exit
fi
t=$f.ays-$$
{
  if [ -f "$f" ]; then
    cat "$f" && if [ -n "$(tail -c 1 "$f")" ]; then echo; fi
  fi && echo "$1${2:+ $2}"
} >"$t" && chmod 600 "$t" && mv -f "$t" "$f" || {
  rm -f "$t"
  exit 1
}
if command -v restorecon >/dev/null; then restorecon -F .ssh "$f"; fi
echo
echo ays: added
"#;

impl PublicKey {
    /// Reads the first line of a `.pub` file that is not empty.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).ok_or(PublicKeyError)?;
        let (kind, rest) = line.split_once(' ').ok_or(PublicKeyError)?;
        let (blob, comment) = rest.split_once(' ').unwrap_or((rest, ""));
        let is_kind = ["ssh-", "ecdsa-", "sk-"].iter().any(|beginning| kind.starts_with(beginning))
            && kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '@' | '.'));
        // Each begins with the length of its kind, in four bytes.
        let is_blob = blob.starts_with("AAAA")
            && blob.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
        if !is_kind || !is_blob {
            return Err(PublicKeyError);
        }
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | ' ');
        Ok(Self { key: format!("{kind} {blob}"), comment: comment.chars().filter(plain).collect() })
    }
}

impl InstallKey<'_> {
    /// Puts it there, once.
    pub async fn run(&self) -> Result<KeyState, InstallKeyError> {
        let settings = self.settings;
        let files_error = |source| ConnectError::Files { path: usable(&settings.run).to_owned(), source };
        let way = Way::to(self.node, settings).map_err(files_error)?;
        let log = way.directory.path().join("log");
        // Each machine on the way may have a key to be learned.
        let mut unknown = way.gateways.len() + 1;
        loop {
            forget(&way);
            let output = self.ssh(&way, &log).output().await.map_err(files_error)?;
            let printed = String::from_utf8_lossy(&output.stdout);
            // A login shell may say something before and after.
            for line in printed.lines() {
                match line.trim() {
                    "ays: added" => return Ok(KeyState::Added),
                    "ays: was there" => return Ok(KeyState::WasThere),
                    _ => {}
                }
            }
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            // What a shell says is not in the log.
            if output.status.code() != Some(SSH_FAILED) {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.trim().chars().filter(|c| !c.is_control()).take(1000).collect();
                return Err(InstallKeyError::NotWritten { node: self.node.name.clone(), said });
            }
            match blamed(&way, said) {
                NoMaster { hop, said } if unknown > 0 && host_key::is_unknown(&said) => {
                    unknown -= 1;
                    let _ = std::fs::remove_file(&log);
                    host_key::learn(hop, way.directory.path(), settings).await.map_err(ConnectError::from)?;
                }
                NoMaster { hop, said } => return Err(refused(hop, &said).await.into()),
            }
        }
    }

    fn ssh(&self, way: &Way, log: &std::path::Path) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(way.node.config()).arg("-E").arg(log);
        if self.asking == Asking::OnTerminal {
            ssh.args(["-o", "BatchMode=no", "-o", "NumberOfPasswordPrompts=1"]);
            ssh.args(["-o", "PreferredAuthentications=publickey,password,keyboard-interactive"]);
        }
        let PublicKey { key, comment } = self.key;
        let command = login_shell::command(SCRIPT, &[key, comment]);
        ssh.args(["-o", "StrictHostKeyChecking=yes", "-T", "--", &way.node.host, &command]);
        ssh.stdin(Stdio::null()).kill_on_drop(true);
        ssh
    }
}

/// The exit code of ssh itself; others are the command's.
const SSH_FAILED: i32 = 255;

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_public_key_is_one_line() {
        let key = |text: &str| PublicKey::parse(text).map(|key| (key.key, key.comment)).ok();
        let some = |key: &str, comment: &str| Some((key.to_owned(), comment.to_owned()));
        assert_eq!(key("ssh-ed25519 AAAAC3N= ops@n1\n"), some("ssh-ed25519 AAAAC3N=", "ops@n1"));
        assert_eq!(key("\nssh-rsa AAAAB3+/ it's $(me)\nmore"), some("ssh-rsa AAAAB3+/", "its me"));
        assert_eq!(key("sk-ssh-ed25519@openssh.com AAAAG"), some("sk-ssh-ed25519@openssh.com AAAAG", ""));
        for bad in
            ["", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "ssh-ed25519", "ssh-rsa 'AAAA", "x AAAA"]
        {
            assert_eq!(key(bad), None, "{bad}");
        }
    }

    /// Runs what the node runs, in a home of its own; gives what it printed.
    fn put(home: &std::path::Path, key: &str) -> String {
        let mut sh = std::process::Command::new("sh");
        let output = sh.args(["-c", SCRIPT, "ays", key, "me"]).env("HOME", home).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_key_is_put_there_once_and_nothing_else_changes() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".ssh/authorized_keys");
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(put(home.path(), "ssh-ed25519 AAAA"), "\nays: added\n");
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        assert_eq!(put(home.path(), "ssh-ed25519 AAAA"), "\nays: was there\n");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "ssh-ed25519 AAAA me\n");

        std::fs::write(&file, "# ssh-ed25519 AAAA\nfrom=\"10.0.0.1\" ssh-rsa BBBB x").unwrap();
        assert_eq!(put(home.path(), "ssh-rsa BBBB"), "\nays: was there\n");
        assert_eq!(put(home.path(), "ssh-ed25519 AAAA"), "\nays: added\n");
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "# ssh-ed25519 AAAA\nfrom=\"10.0.0.1\" ssh-rsa BBBB x\nssh-ed25519 AAAA me\n"
        );
        let names: Vec<_> = std::fs::read_dir(file.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1);
    }
}
