//! `virsh`, libvirt's command: what it says is bounded, and so is how long it may take.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::child::bound;
use crate::complaint::gather;

/// The program's name.
pub(crate) const NAME: &str = "virsh";

/// The most bytes that it may say.
const MOST_SAID: u64 = 256 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It took too long, and was ended.
    Silent,
    /// It failed, with these words.
    Failed(String),
}

/// What it answers.
pub(crate) async fn ask(
    program: &Path,
    uri: &str,
    arguments: &[&str],
    limit: Duration,
) -> Result<String, Fault> {
    let mut command = bound(program);
    command.args(["-c", uri]).args(arguments).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |error: std::io::Error| Fault::Failed(error.to_string());
    let mut child = command.spawn().map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let running = async { tokio::join!(hear(stdout), gather(stderr, |_| ()), child.wait()) };
    // Out of time, the child is dropped here, which kills it.
    let (said, complained, status) = timeout(limit, running).await.map_err(|_| Fault::Silent)?;
    if !status.map_err(failed)?.success() {
        return Err(Fault::Failed(complained.complaint("error")));
    }
    said.ok_or_else(|| Fault::Failed(format!("it said more than {MOST_SAID} bytes, or no text")))
}

/// All of its output, which must be text and not too long.
async fn hear(from: Option<impl AsyncRead + Unpin>) -> Option<String> {
    let mut said = Vec::new();
    from?.take(MOST_SAID + 1).read_to_end(&mut said).await.ok()?;
    if said.len() as u64 > MOST_SAID { None } else { String::from_utf8(said).ok() }
}
