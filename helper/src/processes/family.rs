//! Which processes of the node belong together, by what the kernel says of them.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::fetch::boot;

/// A process as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: u32,
    parent: u32,
    session: u32,
    /// When it was started, in ticks since the system's start.
    started: u64,
}

/// A process that leads a session. Its number alone does not tell it: the kernel gives it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leader {
    pub pid: u32,
    started: u64,
    /// Which start of the system it belongs to.
    boot: String,
}

impl Leader {
    /// This process.
    pub fn this() -> Option<Self> {
        let pid = std::process::id();
        Some(Self { pid, started: read(pid)?.started, boot: boot()? })
    }

    /// Its number, while it lives.
    pub fn living(&self) -> Option<u32> {
        let lives = self.boot == boot()? && read(self.pid)?.started == self.started;
        lives.then_some(self.pid)
    }

    /// The number of its session: no other process has it, as far as can be seen.
    fn session(&self) -> Option<u32> {
        let is_others = read(self.pid).is_some_and(|found| found.started != self.started);
        (self.boot == boot()? && !is_others).then_some(self.pid)
    }
}

fn read(pid: u32) -> Option<Process> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The numbers of all processes, those that have ended left out.
pub(crate) fn all() -> Vec<u32> {
    all_processes().into_iter().map(|process| process.pid).collect()
}

/// A process, and those that it was started by, one above the other.
pub(crate) fn above(pid: u32) -> Vec<u32> {
    let all = all_processes();
    let parent = |pid: &u32| all.iter().find(|process| process.pid == *pid).map(|process| process.parent);
    std::iter::successors(Some(pid), parent).take(all.len()).collect()
}

fn all_processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// `PID (NAME) STATE PARENT GROUP SESSION .. START ..`, where the name may hold anything.
fn parse(pid: u32, stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let (parent, session) = (fields.next()?.parse().ok()?, fields.nth(1)?.parse().ok()?);
    let started = fields.nth(15)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(Process { pid, parent, session, started })
}

/// The variable that marks what a supervisor started, and what that started in its turn.
pub(super) const MARK: &str = "AYS_PROCESS";

/// What a supervisor started, itself left out: its descendants, those of its session, and, for what has left both, those that
/// have its mark.
pub(super) fn of(supervisor: Option<&Leader>, mark: &str) -> Vec<u32> {
    let session = supervisor.and_then(Leader::session);
    let mark = format!("{MARK}={mark}");
    let is_marked = |pid: u32| {
        let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        variables.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    let all = all_processes();
    let mut found: Vec<u32> = Vec::new();
    loop {
        let is_new = |process: &&Process| {
            let is_new = Some(process.pid) != session && !found.contains(&process.pid);
            is_new
                && (Some(process.session) == session
                    || Some(process.parent) == session
                    || found.contains(&process.parent)
                    || is_marked(process.pid))
        };
        let more: Vec<u32> = all.iter().filter(is_new).map(|process| process.pid).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// Those whose command line holds a text; helpers and supervisors left out.
pub(crate) fn matching(filter: &str) -> Vec<u32> {
    let of_ours = ["serve", "supervise", "child"];
    let matches = |process: &Process| {
        let command = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        let words: Vec<_> = command.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        let is_ours = words.get(1).is_some_and(|word| of_ours.contains(&word.as_ref()))
            && (words[0].contains("ays-node") || words[0].contains("/proc/self/exe"));
        !is_ours && words.join(" ").contains(filter)
    };
    let own = std::process::id();
    all_processes()
        .into_iter()
        .filter(|process| process.pid != own && matches(process))
        .map(|process| process.pid)
        .collect()
}

/// Asks them to end.
pub(super) fn terminate(pids: &[u32]) {
    signal(pids, Signal::TERM);
}

/// Ends them.
pub(super) fn kill(pids: &[u32]) {
    signal(pids, Signal::KILL);
}

pub(crate) fn signal(pids: &[u32], signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)) {
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "12 (a) b (c) S 3 12 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 1000";
        assert_eq!(parse(12, stat), Some(Process { pid: 12, parent: 3, session: 7, started: 99 }));
        assert_eq!(parse(12, "12 (sh) Z 3 12 7 0"), None);
        assert_eq!(parse(12, ""), None);
    }

    #[test]
    fn a_number_that_another_process_has_by_now_leads_to_nobody() {
        // A child of this process, which nothing marks.
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let this = Leader::this().unwrap();
        assert_eq!(this.living(), Some(this.pid));
        assert!(of(Some(&this), "none").contains(&child.id()));
        let earlier = Leader { started: this.started + 1, ..this.clone() };
        let of_another_boot = Leader { boot: "another".to_owned(), ..this };
        for stale in [Some(&earlier), Some(&of_another_boot), None] {
            assert_eq!(stale.and_then(Leader::living), None);
            assert_eq!(of(stale, "none"), Vec::<u32>::new());
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
