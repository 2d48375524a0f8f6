//! Processes under a supervisor of ours, seen from the helper: what lies in the service's directory says all of it.
//!
//! `NAME.sh` becomes the process, `NAME.spec` says how it is run, `NAME.lock` is locked while its supervisor lives,
//! `NAME.state` is what that says, `NAME.log` what the process says.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ays_protocol::{Failure, ProcessOrder};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::family::Leader;
use super::user::User;
use super::{GONE, LOOK_EVERY, Made, STARTED_BY, State, family, log};
use crate::disk::failure;
use crate::service::{Like, Service, replace, replace_like};

/// How a process is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spec {
    pub user: User,
}

/// What a supervisor says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Said {
    /// Its process, whose number is that of its session; none once it has ended by itself: the number may be another's.
    pub supervisor: Option<Leader>,
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
pub(super) fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let name = |entry: fs::DirEntry| {
        let file = entry.file_name();
        let file = file.to_str().filter(|file| !file.starts_with('.'))?;
        file.strip_suffix(".lock").or_else(|| file.strip_suffix(".sh")).map(str::to_owned)
    };
    entries.filter_map(name).collect()
}

/// Removes what lies there of a process that has ended, the lock last.
pub(super) fn forget(dir: &Path, name: &str) -> Result<(), Failure> {
    ["state", "spec", STARTED_BY, "log", "log.1", "sh", "lock"]
        .into_iter()
        .try_for_each(|what| crate::disk::remove(&file(dir, name, what)))
}

/// Writes down how a process is run.
pub(super) fn write(service: &mut Service, process: &ProcessOrder) -> Result<Made, Failure> {
    let user = User::of(&process.name, process.user.as_deref())?;
    let script = file(service.dir(), &process.name, "sh");
    let wanted = process.script.0.expose().as_bytes();
    let spec = Spec { user };
    let path = file(service.dir(), &process.name, "spec");
    let text = serde_json::to_vec(&spec).map_err(|error| failure(&path, "writing", &error.into()))?;
    let made = Made::of(service.dir(), &process.name, [wanted, &text]);
    let is_there = |path: &Path, text: &[u8]| fs::read(path).is_ok_and(|there| there == text);
    if !is_there(&script, wanted) || !is_there(&path, &text) {
        write_script(&script, wanted, &spec.user)?;
        replace(&path, &text, 0o600)?;
    }
    Ok(made)
}

/// A script that its user alone reads: it may hold passwords.
pub(super) fn write_script(path: &Path, text: &[u8], user: &User) -> Result<(), Failure> {
    let is_own = user.uid == rustix::process::geteuid().as_raw();
    let like = Like { mode: 0o500, owner: (!is_own).then_some((user.uid, user.gid)) };
    replace_like(path, &mut &text[..], &like)
}

/// What runs of a process.
pub(super) fn look(dir: &Path, name: &str) -> State {
    let said = said(dir, name);
    let Said { supervisor, pid, restarts, last } = said.unwrap_or_default();
    if is_watched(dir, name) {
        return State { runs: true, pid, restarts, last };
    }
    // A supervisor that was killed leaves what it started.
    let left = family::of(supervisor.as_ref(), &mark(dir, name));
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

/// Starts a supervisor, which outlives this helper, and waits until it watches, or has ended.
pub(super) async fn start(dir: &Path, name: &str) -> Result<(), Failure> {
    // What the one before said is no news of this one.
    crate::disk::remove(&file(dir, name, "state"))?;
    let mut command = tokio::process::Command::new("/proc/self/exe");
    command.arg(super::SUPERVISE_MODE).arg(dir).arg(name).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let failed = |reason: String| Failure::Process { name: name.to_owned(), reason };
    let does_not_start = |error| failed(format!("its supervisor does not start: {error}"));
    let mut child = command.spawn().map_err(does_not_start)?;
    let begun = Instant::now();
    while !is_watched(dir, name) && child.try_wait().map_err(does_not_start)?.is_none() {
        if begun.elapsed() > GONE {
            // It must not come up when nobody waits for it any more.
            child.kill().await.map_err(does_not_start)?;
            return Err(failed(format!("its supervisor has not come up after {GONE:?}")));
        }
        sleep(LOOK_EVERY).await;
    }
    // It is on its own from now on.
    Ok(())
}

/// Asks a process to end, and waits for that.
pub(super) async fn stop(dir: &Path, name: &str, limit: Duration) -> Result<(), Failure> {
    let begun = Instant::now();
    let supervisor = said(dir, name).and_then(|said| said.supervisor);
    match supervisor.as_ref().and_then(Leader::living) {
        Some(living) if is_watched(dir, name) => family::terminate(&[living]),
        _ => family::terminate(&family::of(supervisor.as_ref(), &mark(dir, name))),
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
        let supervisor = said(dir, name).and_then(|said| said.supervisor);
        let started = family::of(supervisor.as_ref(), &mark(dir, name));
        // It goes first: it would start again what ends.
        family::kill(&supervisor.as_ref().and_then(Leader::living).into_iter().collect::<Vec<_>>());
        family::kill(&started);
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

pub(super) fn last_words(dir: &Path, name: &str) -> String {
    log::last_words(&file(dir, name, "log"))
}

#[cfg(test)]
mod tests {
    use ays_protocol::{Secret, SecretText};

    use super::*;

    fn order(name: &str, script: &str) -> ProcessOrder {
        ProcessOrder {
            name: name.to_owned(),
            unit: format!("ays-test-{name}"),
            description: String::new(),
            script: SecretText(Secret::new(script.to_owned())),
            user: None,
            ports: Vec::new(),
            urls: Vec::new(),
            filter: None,
            start_seconds: 1,
            stop_seconds: 1,
        }
    }

    #[test]
    fn a_process_may_have_any_name_beside_the_record() {
        let directory = tempfile::tempdir().unwrap();
        let mut service = Service::in_directory(directory.path().to_owned()).unwrap();
        service.save().unwrap();
        write(&mut service, &order("written", "true")).unwrap();
        drop(service);
        assert!(Service::in_directory(directory.path().to_owned()).is_ok());
    }

    #[test]
    fn what_was_written_and_not_started_is_not_what_runs() {
        let directory = tempfile::tempdir().unwrap();
        let mut service = Service::in_directory(directory.path().to_owned()).unwrap();
        let mut write = |script: &str| write(&mut service, &order("p", script)).unwrap();
        assert!(!write("one").is_same);
        // Stopped before the start: it is started anew.
        let made = write("one");
        assert!(!made.is_same);
        made.runs(directory.path(), "p").unwrap();
        assert!(write("one").is_same);
        assert!(!write("two").is_same);
        // The one that runs is the first one again.
        assert!(write("one").is_same);
        assert_eq!(fs::read(file(directory.path(), "p", "sh")).unwrap(), b"one");
    }

    #[tokio::test]
    async fn what_a_newer_recipe_has_no_more_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let mut service = Service::in_directory(directory.path().to_owned()).unwrap();
        for name in ["old", "new"] {
            write(&mut service, &order(name, "true")).unwrap();
        }
        super::super::end_dropped(&mut service, &[order("new", "true")]).await.unwrap();
        assert_eq!(names(directory.path()), BTreeSet::from(["new".to_owned()]));
        assert!(!file(directory.path(), "old", "spec").exists());
    }
}
