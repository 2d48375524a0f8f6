//! Getting the helper to run: it is put into the cache folder of the account once for each content, its hash
//! is compared before every run, by a tool of the node or by reading it back.
//!
//! The shell scripts here are constants; what differs is given to them as arguments. They use only what POSIX has.

use std::time::Duration;

use ays_protocol::GREETING;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::helper_error::HelperError;
use crate::remote::Remote;
use crate::ssh::Connection;

/// The helper, a static program. It is a `static` of Rust too, so that the binary holds it once.
static HELPER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ays-node"));
/// Its SHA-256, in lower-case hexadecimal.
const HELPER_SHA256: &str = env!("AYS_NODE_SHA256");

/// `$1`: the helper's hash. `$2`: `trust` when it was read back and found right just now. `$3`: what `stat` said of the
/// helper whose hash was compared earlier over the same kept connection: neither number comes back when a file changes.
/// The rest: the helper's arguments.
const START: &str = r#"
f="${HOME:?}/.cache/ays/ays-node-$1"
[ -x "$f" ] || { echo ays-bootstrap: absent; exit 0; }
s=$(stat -c '%i %s %Z' "$f" 2>/dev/null)
if [ "$2" = trust ] || { [ -n "$s" ] && [ "$s" = "$3" ]; }; then h=$1
elif command -v sha256sum >/dev/null 2>&1; then h=$(sha256sum <"$f")
elif command -v openssl >/dev/null 2>&1; then h=$(openssl dgst -sha256 -r <"$f")
else echo ays-bootstrap: unchecked; exit 0
fi
[ "${h%% *}" = "$1" ] || { echo ays-bootstrap: absent; exit 0; }
echo "ays-bootstrap: is $s"
shift 3
exec "$f" "$@"
"#;

/// `$1`: the helper's hash. `$2`: its length. Old helpers, and what a broken push left, are removed.
const PUSH: &str = r#"
m=$(uname -m) && [ "$m" != x86_64 ] && { echo "ays-bootstrap: machine $m"; exit; }
umask 077
d="${HOME:?}/.cache/ays"
mkdir -p "$d" || exit
t="$d/.ays-node-$1.$$"
trap 'rm -f "$t"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$t" || exit
[ "$(wc -c <"$t")" -eq "$2" ] || exit
chmod 700 "$t" && mv -f "$t" "$d/ays-node-$1" || exit
for o in "$d"/ays-node-*; do
  [ "$o" = "$d/ays-node-$1" ] || rm -f "$o"
done
for o in "$d"/.ays-node-*; do
  kill -0 "${o##*.}" 2>/dev/null || rm -f "$o"
done
[ -x "$d/ays-node-$1" ] || { echo ays-bootstrap: noexec; exit; }
echo ays-bootstrap: pushed
"#;

/// `$1`: the helper's hash.
const READ_BACK: &str = r#"echo ays-bootstrap: bytes; cat "${HOME:?}/.cache/ays/ays-node-$1""#;

/// How much a login shell may say before the helper greets.
const MOST_NOISE: u64 = 64 << 10;

/// The running helper, greeted.
pub(crate) struct Greeted {
    pub remote: Remote,
    /// How many bytes had to be sent: 0 when the helper was there.
    pub sent: u64,
}

enum Answer {
    Greeting(Remote),
    Absent,
    Unchecked,
}

/// Starts the helper on the other side of `connection` with these arguments, sending it when it is not there.
pub(crate) async fn start(connection: &Connection, arguments: &[&str]) -> Result<Greeted, HelperError> {
    let mut sent = 0;
    let mut trust = "check";
    // Absent, pushed, read back, started: one more round than that means that somebody changes it meanwhile.
    for _ in 0..4 {
        match greet(connection, trust, arguments).await? {
            Answer::Greeting(remote) => return Ok(Greeted { remote, sent }),
            Answer::Unchecked if read_back(connection).await? == HELPER_SHA256 => trust = "trust",
            Answer::Absent | Answer::Unchecked => {
                trust = "check";
                push(connection).await?;
                sent += HELPER.len() as u64;
            }
        }
    }
    Err(HelperError::Unstable)
}

async fn greet(connection: &Connection, trust: &str, arguments: &[&str]) -> Result<Answer, HelperError> {
    let compared = connection.notes().and_then(|notes| std::fs::read_to_string(notes).ok());
    let compared = compared.unwrap_or_default();
    let all = [&[HELPER_SHA256, trust, &compared], arguments].concat();
    let Remote { stdin, stdout, mut stderr, process, id } = connection.script(START, &all).await?;
    let mut lines = BufReader::new(stdout).take(MOST_NOISE);
    let (mut line, mut noise) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line).await.map_err(HelperError::Stream)?;
        match line.trim_ascii() {
            _ if read == 0 => return Err(no_shell(last_words(&mut stderr).await, &noise)),
            b"ays-bootstrap: absent" => return Ok(Answer::Absent),
            b"ays-bootstrap: unchecked" => return Ok(Answer::Unchecked),
            // What the buffer holds beyond this line belongs to the frames: the reader is kept.
            said if said == GREETING.as_bytes() => {
                let stdout = Box::new(lines.into_inner());
                return Ok(Answer::Greeting(Remote { stdin, stdout, stderr, process, id }));
            }
            said => {
                if let Some(is) = said.strip_prefix(b"ays-bootstrap: is ")
                    && let Some(notes) = connection.notes()
                    && is != compared.as_bytes()
                {
                    // Without the note the next run compares the hash again.
                    let _ = std::fs::write(notes, is);
                }
                noise = said.to_owned();
            }
        }
    }
}

/// Why the shell did not start the helper: what it said, or, as a shell does that lets nobody in, printed.
fn no_shell(said: String, printed: &[u8]) -> HelperError {
    if said.contains("sudo:") || said.contains("sudoers") {
        return HelperError::NoSudo { said };
    }
    HelperError::NoShell { said: if said.is_empty() { shown(printed) } else { said } }
}

/// Why the helper was not put there.
fn not_pushed(said: String, printed: &[u8]) -> HelperError {
    let printed = shown(printed);
    let last = printed.lines().last().unwrap_or_default();
    match last.strip_prefix("ays-bootstrap: ") {
        Some("noexec") => HelperError::NoExec,
        Some(machine) => HelperError::Machine(machine.trim_start_matches("machine ").to_owned()),
        None if said.contains("No space left on device") => HelperError::NoSpace { said },
        None => HelperError::NotPushed { said },
    }
}

async fn push(connection: &Connection) -> Result<(), HelperError> {
    let length = HELPER.len().to_string();
    let Remote { mut stdin, mut stdout, mut stderr, process: _process, .. } =
        connection.script(PUSH, &[HELPER_SHA256, &length]).await?;
    // A node that stops reading says why on its standard error.
    let written = async {
        stdin.write_all(HELPER).await?;
        stdin.shutdown().await
    }
    .await;
    drop(stdin);
    let mut said = Vec::new();
    stdout.read_to_end(&mut said).await.map_err(HelperError::Stream)?;
    if written.is_ok() && said.trim_ascii().ends_with(b"ays-bootstrap: pushed") {
        Ok(())
    } else {
        Err(not_pushed(last_words(&mut stderr).await, &said))
    }
}

async fn read_back(connection: &Connection) -> Result<String, HelperError> {
    let Remote { stdout, stdin: _stdin, process: _process, .. } =
        connection.script(READ_BACK, &[HELPER_SHA256]).await?;
    let mut stdout = BufReader::new(stdout).take(MOST_NOISE + HELPER.len() as u64);
    let mut line = Vec::new();
    while line.trim_ascii() != b"ays-bootstrap: bytes" {
        line.clear();
        if stdout.read_until(b'\n', &mut line).await.map_err(HelperError::Stream)? == 0 {
            return Ok(String::new());
        }
    }
    let mut bytes = Vec::with_capacity(HELPER.len());
    stdout.read_to_end(&mut bytes).await.map_err(HelperError::Stream)?;
    Ok(hex::encode(Sha256::digest(&bytes)))
}

/// The end of what a process wrote to its standard error.
pub(crate) async fn last_words(stderr: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // What cannot be read, or never ends, is not said.
    let _ = timeout(Duration::from_secs(1), stderr.take(MOST_NOISE).read_to_end(&mut bytes)).await;
    shown(&bytes)
}

/// The end of what a node said, made fit to be shown.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text: String =
        text.trim().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    let start = text.char_indices().rev().nth(999).map_or(0, |(at, _)| at);
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_no_helper_runs_is_told_apart() {
        let said = |error: HelperError| error.to_string();
        assert_eq!(
            said(no_shell("sudo: a password is required".to_owned(), b"welcome")),
            "sudo does not let this login become root without a password; it said: sudo: a password is required"
        );
        assert_eq!(
            said(no_shell(String::new(), b"This account is currently not available.")),
            "the node's shell did not start the helper; it said: This account is currently not available."
        );
        assert_eq!(
            said(not_pushed(String::new(), b"welcome\nays-bootstrap: machine aarch64\n")),
            "the node is aarch64, and the helper is x86_64"
        );
        assert_eq!(
            said(not_pushed(String::new(), b"ays-bootstrap: noexec\n")),
            "~/.cache/ays on the node lies on a file system from which nothing may be executed (noexec)"
        );
        assert_eq!(
            said(not_pushed("cat: write error: No space left on device".to_owned(), b"")),
            "there is no space for the helper in ~/.cache/ays on the node; it said: cat: write error: No space left on \
             device"
        );
        assert_eq!(
            said(not_pushed("mkdir: Permission denied".to_owned(), b"")),
            "the helper could not be put into ~/.cache/ays on the node; it said: mkdir: Permission denied"
        );
    }
}
