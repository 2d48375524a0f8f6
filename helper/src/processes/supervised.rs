//! Processes under a supervisor of ours, seen from the helper: what lies in the service's directory says all of it.
//!
//! `NAME.sh` becomes the process, `NAME.json` says how it is run, `NAME.lock` is locked while its supervisor lives,
//! `NAME.state` is what that says, `NAME.log` what the process says.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ays_protocol::{Failure, ProcessOrder};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::user::User;
use super::{GONE, LOOK_EVERY, State, family, log};
use crate::disk::failure;
use crate::service::{Service, replace};

/// How a process is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spec {
    pub user: User,
}

/// What a supervisor says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Said {
    /// Its process, whose number is that of its session.
    pub supervisor: u32,
    /// The process that it watches over; none between two tries.
    pub pid: Option<u32>,
    pub restarts: u32,
    /// How it ended last.
    pub last: Option<String>,
}

pub(super) fn file(dir: &Path, name: &str, what: &str) -> PathBuf {
    dir.join(format!("{name}.{what}"))
}

/// The names of the processes that a directory knows.
pub(super) fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let name = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".lock").map(str::to_owned);
    entries.filter_map(name).filter(|name| !name.is_empty()).collect()
}

/// Writes down how a process is run; whether that was there already.
pub(super) fn write(service: &mut Service, process: &ProcessOrder) -> Result<bool, Failure> {
    let user = User::of(&process.name, process.user.as_deref())?;
    let script = file(service.dir(), &process.name, "sh");
    let wanted = process.script.0.expose().as_bytes();
    let spec = Spec { user };
    let path = file(service.dir(), &process.name, "json");
    let text = serde_json::to_vec(&spec).map_err(|error| failure(&path, "writing", &error.into()))?;
    if fs::read(&script).is_ok_and(|there| there == wanted)
        && fs::read(&path).is_ok_and(|there| there == text)
    {
        return Ok(true);
    }
    write_script(&script, wanted, &spec.user)?;
    replace(&path, &text, 0o600)?;
    Ok(false)
}

/// A script that its user alone reads: it may hold passwords.
pub(super) fn write_script(path: &Path, text: &[u8], user: &User) -> Result<(), Failure> {
    replace(path, text, 0o500)?;
    if user.uid != rustix::process::geteuid().as_raw() {
        std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))
            .map_err(|error| failure(path, "giving it to its user", &error))?;
    }
    Ok(())
}

/// What runs of a process.
pub(super) fn look(dir: &Path, name: &str) -> State {
    let said = said(dir, name);
    let Said { supervisor, pid, restarts, last } = said.unwrap_or_default();
    if is_watched(dir, name) {
        return State { runs: true, pid, restarts, last };
    }
    // A supervisor that was killed leaves what it started.
    let left = if supervisor == 0 { Vec::new() } else { family::of(supervisor, &mark(dir, name)) };
    State { runs: !left.is_empty(), pid: left.first().copied(), restarts, last }
}

/// What marks the processes of a process.
pub(super) fn mark(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

/// Whether a supervisor lives.
fn is_watched(dir: &Path, name: &str) -> bool {
    let lock = File::open(file(dir, name, "lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

fn said(dir: &Path, name: &str) -> Option<Said> {
    serde_json::from_slice(&fs::read(file(dir, name, "state")).ok()?).ok()
}

/// Starts a supervisor, which outlives this helper.
pub(super) fn start(dir: &Path, name: &str) -> Result<(), Failure> {
    // What the one before said is no news of this one.
    crate::disk::remove(&file(dir, name, "state"))?;
    let mut command = tokio::process::Command::new("/proc/self/exe");
    command.arg(super::SUPERVISE_MODE).arg(dir).arg(name).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|error| Failure::Process {
        name: name.to_owned(),
        reason: format!("its supervisor does not start: {error}"),
    })?;
    // It is on its own from now on.
    drop(child);
    Ok(())
}

/// Asks a process to end, and waits for that.
pub(super) async fn stop(dir: &Path, name: &str, limit: Duration) -> Result<(), Failure> {
    let begun = Instant::now();
    let supervisor = said(dir, name).map_or(0, |said| said.supervisor);
    if is_watched(dir, name) {
        family::terminate(&[supervisor]);
    } else if supervisor != 0 {
        family::terminate(&family::of(supervisor, &mark(dir, name)));
    }
    while look(dir, name).runs && begun.elapsed() < limit {
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Ends a process, and all that it started.
pub(super) async fn halt(dir: &Path, name: &str) -> Result<(), Failure> {
    let begun = Instant::now();
    while look(dir, name).runs {
        if begun.elapsed() > GONE {
            let reason = "it was killed, and still runs".to_owned();
            return Err(Failure::Process { name: name.to_owned(), reason });
        }
        if let Some(Said { supervisor, .. }) = said(dir, name) {
            let started = family::of(supervisor, &mark(dir, name));
            if is_watched(dir, name) {
                family::kill(&[supervisor]);
            }
            family::kill(&started);
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

pub(super) fn last_words(dir: &Path, name: &str) -> String {
    log::last_words(&file(dir, name, "log"))
}
