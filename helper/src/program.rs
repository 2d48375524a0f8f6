//! Programs of the node.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use ays_protocol::Failure;
use tokio::io::AsyncWriteExt;

use crate::child::bound;
use crate::complaint::Words;

/// Where a program is looked for when `PATH` lacks it: a login without a profile has a short one.
const USUAL_PLACES: [&str; 5] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin"];

/// The program of this name, if the node has it.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(USUAL_PLACES.map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_absolute() && is_program(candidate))
}

/// Runs a program to its end, whatever that is; `input` is what it reads.
pub(crate) async fn run(
    name: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    input: &str,
) -> Result<Output, Failure> {
    let failed = |reason: String| Failure::Tool { tool: name.to_owned(), reason };
    let program = find(name).ok_or_else(|| failed("the node does not have it".to_owned()))?;
    let mut command = bound(program);
    command.args(arguments).env("LC_ALL", "C").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut pipe) = child.stdin.take() {
        // One that does not read it says by its end whether that is a failure.
        let _ = pipe.write_all(input.as_bytes()).await;
    }
    child.wait_with_output().await.map_err(|error| failed(error.to_string()))
}

/// The same, and it must go well; what it wrote.
pub(crate) async fn succeed(
    name: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    input: &str,
) -> Result<Vec<u8>, Failure> {
    let output = run(name, arguments, input).await?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let mut words = Words::default();
    words.hear(&output.stderr);
    Err(Failure::Tool { tool: name.to_owned(), reason: words.complaint(name) })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
