//! Processes under systemd, each a unit.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ays_protocol::{Failure, ProcessOrder};
use tokio::time::timeout;

use super::supervised::write_script;
use super::user::User;
use super::{Made, State, log};
use crate::child::bound;
use crate::disk::remove as remove_file;
use crate::program;
use crate::service::{Service, replace};

const UNITS: &str = "/etc/systemd/system";
/// The first version that has `ExitType=cgroup`.
const EXIT_TYPES: u32 = 250;
/// How long systemd may take to answer beside what a unit takes.
const LIMIT: Duration = Duration::from_secs(120);

/// Whether systemd runs this node.
pub(crate) fn runs() -> bool {
    Path::new("/run/systemd/system").is_dir() && program::find("systemctl").is_some()
}

/// Whether it can watch over a process as a supervisor of ours does: with all that a daemon leaves behind.
pub(super) async fn watches() -> bool {
    runs() && systemctl(&["--version"]).await.is_ok_and(|said| version(&said) >= Some(EXIT_TYPES))
}

/// `systemd 255 (255.4-1ubuntu8)`.
fn version(said: &str) -> Option<u32> {
    let number = said.split_whitespace().nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

pub(super) fn unit_file(unit: &str) -> PathBuf {
    Path::new(UNITS).join(format!("{unit}.service"))
}

/// Writes the unit of a process.
pub(super) async fn write(service: &mut Service, process: &ProcessOrder) -> Result<Made, Failure> {
    let user = User::of(&process.name, process.user.as_deref())?;
    let script = service.dir().join(format!("{}.sh", process.name));
    let wanted = process.script.0.expose().as_bytes();
    let unit = unit_file(&process.unit);
    let text = text(process, &script);
    let made = Made::of(service.dir(), &process.name, [wanted, text.as_bytes()]);
    let is_there = |path: &Path, text: &[u8]| fs::read(path).is_ok_and(|there| there == text);
    if made.is_same && is_there(&script, wanted) && is_there(&unit, text.as_bytes()) {
        return Ok(made);
    }
    service.written.units.insert(process.unit.clone());
    service.save()?;
    service.will_write([unit.as_path()])?;
    write_script(&script, wanted, &user)?;
    replace(&unit, text.as_bytes(), 0o644)?;
    systemctl(&["daemon-reload"]).await?;
    systemctl(&["enable", &process.unit]).await?;
    Ok(made)
}

fn text(process: &ProcessOrder, script: &Path) -> String {
    let ProcessOrder { description, user, stop_seconds, .. } = process;
    // A line break would begin another setting, and `%` one of systemd's own words.
    let plain: String =
        description.chars().filter(|c| !c.is_control()).collect::<String>().replace('%', "%%");
    let user = user.as_ref().map(|user| format!("User={user}\n")).unwrap_or_default();
    let script = script.display();
    format!(
        "# Written by ays: an install replaces it, an uninstall removes it.\n\
         [Unit]\nDescription={plain}\nWants=network-online.target\nAfter=network-online.target\n\
         StartLimitIntervalSec=0\n\n\
         [Service]\nExecStart=/bin/sh {script}\nExitType=cgroup\nRestart=on-failure\nRestartSec=1\n\
         TimeoutStopSec={stop_seconds}\n{user}\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

pub(super) async fn start(unit: &str) -> Result<(), Failure> {
    systemctl(&["start", unit]).await.map(drop)
}

/// `takes` is how long the unit may take to end by itself.
pub(super) async fn stop(unit: &str, takes: Duration) -> Result<(), Failure> {
    if !unit_file(unit).exists() {
        return Ok(());
    }
    systemctl_within(LIMIT + takes, &["stop", unit]).await.map(drop)
}

pub(super) async fn kill(unit: &str) -> Result<(), Failure> {
    if !unit_file(unit).exists() {
        return Ok(());
    }
    // There may be nothing to kill.
    let _ = systemctl(&["kill", "--signal=KILL", unit]).await;
    stop(unit, Duration::ZERO).await?;
    let _ = systemctl(&["reset-failed", unit]).await;
    Ok(())
}

/// Ends a unit, and forgets it.
pub(super) async fn remove(unit: &str) -> Result<(), Failure> {
    if unit_file(unit).exists() {
        kill(unit).await?;
        systemctl(&["disable", unit]).await?;
        remove_file(&unit_file(unit))?;
    }
    systemctl(&["daemon-reload"]).await.map(drop)
}

/// What runs of a unit.
pub(super) async fn look(unit: &str) -> Result<State, Failure> {
    let properties = "--property=ActiveState,MainPID,NRestarts,Result,ExecMainStatus,ControlGroup";
    let said = systemctl(&["show", properties, unit]).await?;
    Ok(state(&said, |group| {
        let processes = format!("/sys/fs/cgroup{group}/cgroup.procs");
        fs::read_to_string(processes).ok()?.lines().next()?.parse().ok()
    }))
}

fn state(said: &str, first_of_group: impl Fn(&str) -> Option<u32>) -> State {
    let values: HashMap<&str, &str> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let value = |name: &str| values.get(name).copied().unwrap_or_default();
    let runs = matches!(value("ActiveState"), "active" | "activating" | "deactivating" | "reloading");
    let main = value("MainPID").parse().ok().filter(|pid| *pid != 0);
    let last = match (value("Result"), value("ExecMainStatus")) {
        ("" | "success", _) => None,
        (result, status) => Some(format!("ended: {result}, status {status}")),
    };
    State {
        runs,
        pid: main.or_else(|| first_of_group(value("ControlGroup"))).filter(|_| runs),
        restarts: value("NRestarts").parse().unwrap_or_default(),
        last,
    }
}

pub(super) async fn last_words(unit: &str) -> String {
    let Some(program) = program::find("journalctl") else { return String::new() };
    let mut command = bound(program);
    command.args(["-u", unit, "-n", "6", "--no-pager", "-o", "cat"]).stdin(Stdio::null());
    match timeout(LIMIT, command.output()).await {
        Ok(Ok(output)) => log::quote(&output.stdout),
        _ => String::new(),
    }
}

async fn systemctl(arguments: &[&str]) -> Result<String, Failure> {
    systemctl_within(LIMIT, arguments).await
}

async fn systemctl_within(limit: Duration, arguments: &[&str]) -> Result<String, Failure> {
    let failed = |reason: String| Failure::Tool { tool: "systemctl".to_owned(), reason };
    let Some(program) = program::find("systemctl") else {
        return Err(failed("it is missing".to_owned()));
    };
    let mut command = bound(program);
    command.arg("--no-ask-password").args(arguments).env("LC_ALL", "C").stdin(Stdio::null());
    match timeout(limit, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(Ok(output)) => Err(failed(log::quote(&output.stderr))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("it did not answer within {limit:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_systemd_watches_over_nothing() {
        assert_eq!(version("systemd 249 (249.11-0ubuntu3)\n+PAM"), Some(249));
        assert!(version("systemd 250~rc1 (x)") >= Some(EXIT_TYPES));
        assert!(version("garbage") < Some(EXIT_TYPES));
    }

    #[test]
    fn what_systemd_says_of_a_unit() {
        let none = |_: &str| None;
        let said = "ActiveState=active\nMainPID=12\nNRestarts=2\nResult=success\nExecMainStatus=0\n";
        assert_eq!(state(said, none), State { runs: true, pid: Some(12), restarts: 2, last: None });
        let said = "ActiveState=failed\nMainPID=0\nNRestarts=0\nResult=exit-code\nExecMainStatus=7\n";
        let last = Some("ended: exit-code, status 7".to_owned());
        assert_eq!(state(said, none), State { runs: false, pid: None, restarts: 0, last });
        let said = "ActiveState=active\nMainPID=0\nControlGroup=/x\n";
        assert_eq!(state(said, |group| (group == "/x").then_some(9)).pid, Some(9));
    }
}
