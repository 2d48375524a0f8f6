//! Running processes, found by what a recipe knows of them.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

use ays_model::Processes;
use ays_protocol::Failure;
use rustix::process::Signal;

use crate::disk::refused;
use crate::processes::{family, listening};

/// Their numbers. The helper itself, and what it runs under, are none of them.
pub(super) fn find(which: &Processes) -> Result<Vec<u32>, Failure> {
    let mut found = match which {
        Processes::Pid(pid) => family::all().into_iter().filter(|known| known == pid).collect(),
        Processes::OnPort(port) => at_sockets(&listening::sockets(*port)?),
        Processes::Matching(text) => family::matching(text),
        Processes::Named(name) => family::all().into_iter().filter(|pid| name_of(*pid) == *name).collect(),
    };
    let above = family::above(std::process::id());
    found.retain(|pid| !above.contains(pid));
    Ok(found)
}

/// How long those that are killed may take to be gone.
const GONE: Duration = Duration::from_secs(2);
/// How often it is looked whether they are: the kernel tells nobody but their parent.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Sends them a signal. Those that are killed are gone then.
pub(super) fn end(which: &Processes, signal: u8) -> Result<(), Failure> {
    let signal = Signal::from_named_raw(i32::from(signal))
        .ok_or_else(|| refused(signal.to_string().as_ref(), "it is the number of no signal"))?;
    let found = find(which)?;
    family::signal(&found, signal);
    let since = Instant::now();
    let is_left = || family::all().iter().any(|pid| found.contains(pid));
    while signal == Signal::KILL && is_left() && since.elapsed() < GONE {
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// The kernel keeps the first 15 characters of a name; the rest is in the command line.
fn name_of(pid: u32) -> String {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let first = command.split(|byte| *byte == 0).next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    match first.rsplit('/').next().filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned(),
    }
}

fn at_sockets(sockets: &HashSet<u64>) -> Vec<u32> {
    let holds_one = |pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|to| {
            let to = to.to_string_lossy();
            let number = to.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            number.and_then(|number| number.parse().ok()).is_some_and(|number| sockets.contains(&number))
        })
    };
    if sockets.is_empty() { Vec::new() } else { family::all().into_iter().filter(holds_one).collect() }
}
