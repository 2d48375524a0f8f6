//! Getting the helper to run: it is put into the cache folder of the account once for each content, its hash
//! is compared before every run, by a tool of the node or by reading it back.
//!
//! All of it is one process on the node, which asks for what it needs: a connection may have no more sessions than one.
//! The shell script here is a constant; what differs is given to it as arguments. It uses only what POSIX has.

use std::time::Duration;

use ays_protocol::GREETING;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::connection::Connection;
use crate::helper_error::HelperError;
use crate::no_sudo::NoSudo;
use crate::remote::Remote;

/// The helper, a static program. It is a `static` of Rust too, so that the binary holds it once.
static HELPER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ays-node"));
/// Its SHA-256, in lower-case hexadecimal.
const HELPER_SHA256: &str = env!("AYS_NODE_SHA256");

/// `$1`: the helper's hash. `$2`: its length. `$3`: what `stat` said of the helper whose hash was compared earlier over the
/// same kept connection: inode and time of change do not come back when a file changes. The rest: the helper's arguments.
///
/// It says what it does in lines that begin with `ays-bootstrap:`. After `absent` it is sent the helper; after `bytes` it
/// shows what it has, and is sent the hash of that. Old helpers, and what a broken push left, are removed.
const START: &str = r#"
hash=$1 length=$2 compared=$3
shift 3
directory="${HOME:?}/.cache/ays"
helper="$directory/ays-node-$hash"
say() { echo "ays-bootstrap: $*"; }
is_right() {
  [ -x "$helper" ] || return
  stat=$(stat -c "%i %s %z" "$helper" 2>/dev/null)
  if [ -n "$stat" ] && [ "$stat" = "$compared" ]; then return; fi
  # openssl takes half the time.
  found=$(openssl dgst -sha256 -r <"$helper" 2>/dev/null || sha256sum <"$helper" 2>/dev/null) || {
    [ "$(wc -c <"$helper")" -eq "$length" ] || return
    say bytes
    head -c "$length" "$helper"
    read -r found
  }
  [ "${found%% *}" = "$hash" ]
}
push() (
  machine=$(uname -m) && [ "$machine" != x86_64 ] && { say machine "$machine"; exit 1; }
  say absent
  umask 077
  mkdir -p "$directory" || exit
  new="$directory/.ays-node-$hash.$$"
  trap 'rm -f "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  head -c "$length" >"$new" || exit
  [ "$(wc -c <"$new")" -eq "$length" ] || exit
  chmod 700 "$new" && mv -f "$new" "$helper" || exit
  for old in "$directory"/ays-node-*; do
    [ "$old" = "$helper" ] || rm -f "$old"
  done
  for old in "$directory"/.ays-node-*; do
    kill -0 "${old##*.}" 2>/dev/null || rm -f "$old"
  done
  [ -x "$helper" ] || { say noexec; exit 1; }
)
# What a login shell has said may not have ended its line.
echo
pushes=0
until is_right; do
  [ "$pushes" -lt 2 ] || { say unstable; exit; }
  pushes=$((pushes + 1))
  push || exit
done
say "is $stat"
exec "$helper" "$@"
"#;

/// How much a login shell may say before the helper greets.
const MOST_NOISE: u64 = 64 << 10;

/// The running helper, greeted.
pub(crate) struct Greeted {
    pub remote: Remote,
    /// How many bytes had to be sent: 0 when the helper was there.
    pub sent: u64,
}

/// How far the script has come.
#[derive(PartialEq)]
enum Phase {
    Login,
    Push,
    Start,
}

/// Starts the helper on the other side of `connection` with these arguments, sending it when it is not there.
pub(crate) async fn start(connection: &Connection, arguments: &[&str]) -> Result<Greeted, HelperError> {
    let compared = connection.notes().and_then(|notes| std::fs::read_to_string(notes).ok());
    let compared = compared.unwrap_or_default();
    let length = HELPER.len().to_string();
    let all = [&[HELPER_SHA256, &length, &compared], arguments].concat();
    let Remote { mut stdin, stdout, mut stderr, process, id } = connection.script(START, &all).await?;
    let mut stdout = BufReader::new(stdout);
    let (mut sent, mut phase, mut noise) = (0, Phase::Login, Vec::new());
    let mut noise_left = MOST_NOISE;
    loop {
        let mut line = Vec::new();
        let read = (&mut stdout).take(noise_left).read_until(b'\n', &mut line).await;
        let line = match read.map_err(HelperError::Stream)? {
            0 => return Err(failed(&phase, last_words(&mut stderr).await, &noise)),
            _ => line.trim_ascii(),
        };
        // What the buffer holds beyond this line belongs to the frames: the reader is kept.
        if line == GREETING.as_bytes() {
            let remote = Remote { stdin, stdout: Box::new(stdout), stderr, process, id };
            return Ok(Greeted { remote, sent });
        }
        let said = str::from_utf8(line).ok().and_then(|line| line.strip_prefix("ays-bootstrap: "));
        // A node that takes no more says why on its standard error.
        let mut answer = async |bytes: &[u8]| {
            let _ = stdin.write_all(bytes).await;
            let _ = stdin.flush().await;
        };
        match said.map(|said| said.split_once(' ').unwrap_or((said, ""))) {
            Some(("absent", _)) => {
                phase = Phase::Push;
                sent += HELPER.len() as u64;
                answer(HELPER).await;
            }
            Some(("bytes", _)) => {
                phase = Phase::Start;
                let mut bytes = vec![0; HELPER.len()];
                stdout.read_exact(&mut bytes).await.map_err(HelperError::Stream)?;
                answer(format!("{}\n", hex::encode(Sha256::digest(&bytes))).as_bytes()).await;
            }
            Some(("is", stat)) => {
                phase = Phase::Start;
                if let Some(notes) = connection.notes()
                    && stat != compared
                {
                    // Without the note the next run compares the hash again.
                    let _ = std::fs::write(notes, stat);
                }
            }
            Some(("machine", machine)) => return Err(HelperError::Machine(machine.to_owned())),
            Some(("noexec", _)) => return Err(HelperError::NoExec),
            Some(("unstable", _)) => return Err(HelperError::Unstable),
            _ => {
                noise_left = noise_left.saturating_sub(line.len() as u64);
                noise = line.to_owned();
            }
        }
    }
}

/// Why the script ended: what the node said, or, as a shell does that lets nobody in, printed.
fn failed(phase: &Phase, said: String, printed: &[u8]) -> HelperError {
    match phase {
        Phase::Push if said.contains("No space left on device") => HelperError::NoSpace { said },
        Phase::Push => HelperError::NotPushed { said },
        Phase::Login if let Some(why) = NoSudo::of(&said) => {
            // It is the shell that says so, of a line that nobody knows.
            let said = if why == NoSudo::Missing { String::new() } else { said };
            HelperError::NoSudo { why, said }
        }
        Phase::Login | Phase::Start => {
            HelperError::NoShell { said: if said.is_empty() { shown(printed) } else { said } }
        }
    }
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
        let said = |phase, said: &str, printed: &str| {
            failed(&phase, said.to_owned(), printed.as_bytes()).to_string()
        };
        assert_eq!(
            said(Phase::Login, "sudo: a password is required", "welcome"),
            "sudo does not let this login become root without a password; it said: sudo: a password is required"
        );
        assert_eq!(
            said(Phase::Login, "", "This account is currently not available."),
            "the node's shell did not start the helper; it said: This account is currently not available."
        );
        assert_eq!(
            said(Phase::Start, "sudo: unable to resolve host n1\nays: Exec format error", ""),
            "the node's shell did not start the helper; it said: sudo: unable to resolve host n1\nays: Exec format error"
        );
        assert_eq!(
            said(Phase::Push, "cat: write error: No space left on device", ""),
            "there is no space for the helper in ~/.cache/ays on the node; it said: cat: write error: No space left on \
             device"
        );
        assert_eq!(
            said(Phase::Push, "mkdir: Permission denied", ""),
            "the helper could not be put into ~/.cache/ays on the node; it said: mkdir: Permission denied"
        );
    }
}
