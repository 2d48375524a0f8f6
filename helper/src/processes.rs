//! The processes of a service: started, stopped and looked at, by systemd where it runs, else by a supervisor of ours.

mod answering;
pub(crate) mod family;
pub(crate) mod listening;
mod log;
mod supervised;
mod supervisor;
mod systemd;
mod user;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ays_model::Sha256;
use ays_protocol::{Failure, ProcessAct, ProcessManager, ProcessOrder, ProcessSeen, Processes};
use sha2::Digest;
use tokio::time::{Instant, sleep};

use crate::disk::on_thread;
use crate::service::{Service, check_name, directory, replace};

pub use supervisor::{SUPERVISE_MODE, become_supervisor};
pub(crate) use systemd::runs as systemd_runs;
pub(crate) use user::User;

/// How often it is looked whether something has come up, or ended: the kernel tells nobody but its parent.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// `NAME.started-by`: what the process that runs was started by.
const STARTED_BY: &str = "started-by";
/// How long a process without ports must run to be up.
const SETTLED: Duration = Duration::from_millis(300);
/// How long what was killed may take to be gone.
const GONE: Duration = Duration::from_secs(10);

/// Does what is asked with a service's processes; gives each, in their order.
pub(crate) async fn act(order: Processes) -> Result<Vec<ProcessSeen>, Failure> {
    let dir = directory(&order.service)?;
    for process in &order.processes {
        check_name(&process.name)?;
        check_name(&process.unit)?;
    }
    let manager = if systemd::watches().await { ProcessManager::Systemd } else { ProcessManager::Supervisor };
    match order.act {
        ProcessAct::Look => {}
        ProcessAct::Start => {
            let name = order.service.clone();
            // Somebody else may be at work on it for a while.
            let mut service = on_thread(move || Service::open(&name)).await?;
            end_dropped(&mut service, &order.processes).await?;
            for process in &order.processes {
                start(&mut service, process, manager).await?;
            }
        }
        ProcessAct::Stop => {
            if dir.is_dir() {
                let name = order.service.clone();
                let mut service = on_thread(move || Service::open(&name)).await?;
                end_dropped(&mut service, &order.processes).await?;
            }
            for process in order.processes.iter().rev() {
                stop(&dir, process, manager).await?;
            }
        }
        ProcessAct::Halt => {
            for process in order.processes.iter().rev() {
                halt(&dir, process, manager).await?;
            }
        }
    }
    let mut seen = Vec::new();
    for process in &order.processes {
        seen.push(look(&dir, process, manager).await?);
    }
    Ok(seen)
}

/// Ends the processes that an earlier version of the service had and this one has not, and forgets them.
async fn end_dropped(service: &mut Service, processes: &[ProcessOrder]) -> Result<(), Failure> {
    let dropped: Vec<String> = service.written.units.iter().cloned().collect();
    for unit in dropped.into_iter().filter(|unit| processes.iter().all(|process| process.unit != *unit)) {
        if systemd::runs() {
            // What does not end by itself is killed.
            let _ = systemd::stop(&unit, Duration::ZERO).await;
            systemd::remove(&unit).await?;
        }
        service.written.units.remove(&unit);
        service.written.files.remove(&systemd::unit_file(&unit));
        service.save()?;
    }
    let dir = service.dir();
    for name in supervised::names(dir) {
        if processes.iter().all(|process| process.name != name) {
            supervised::stop(dir, &name, GONE).await?;
            supervised::halt(dir, &name).await?;
            supervised::forget(dir, &name)?;
        }
    }
    Ok(())
}

/// Ends whatever runs of a service, by what lies in its directory.
pub(crate) async fn end_all(dir: &Path, units: &BTreeSet<String>) -> Result<(), Failure> {
    for name in supervised::names(dir) {
        supervised::halt(dir, &name).await?;
    }
    if systemd::runs() {
        for unit in units {
            systemd::remove(unit).await?;
        }
    }
    Ok(())
}

async fn look(dir: &Path, process: &ProcessOrder, manager: ProcessManager) -> Result<ProcessSeen, Failure> {
    let state = watched(dir, process, manager).await?;
    let stray = || process.filter.as_deref().and_then(|filter| family::matching(filter).first().copied());
    let (runs, pid) = match state.runs {
        true => (true, state.pid),
        false => stray().map_or((false, None), |pid| (true, Some(pid))),
    };
    let silent_ports = listening::silent(&process.ports)?;
    let silent_urls = if runs { answering::silent(&process.urls).await } else { Vec::new() };
    let (name, restarts) = (process.name.clone(), state.restarts);
    Ok(ProcessSeen { name, runs, pid, restarts, silent_ports, silent_urls, manager })
}

/// Asks who watches over a process.
async fn watched(dir: &Path, process: &ProcessOrder, manager: ProcessManager) -> Result<State, Failure> {
    match manager {
        ProcessManager::Systemd => systemd::look(&process.unit).await,
        ProcessManager::Supervisor => Ok(supervised::look(dir, &process.name)),
    }
}

/// What a process is run by.
struct Made {
    digest: Sha256,
    /// It was there already, and what runs was started by it.
    is_same: bool,
}

impl Made {
    /// By the texts that say how it is run. A run that was stopped between writing them and the start has left others than
    /// those that what runs was started by.
    fn of(dir: &Path, name: &str, texts: [&[u8]; 2]) -> Self {
        let mut hash = sha2::Sha256::new();
        for text in texts {
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
        let digest = Sha256(hash.finalize().into());
        let started = fs::read_to_string(supervised::file(dir, name, STARTED_BY));
        Self { digest, is_same: started.is_ok_and(|started| started == digest.to_string()) }
    }

    /// Notes that it runs by this.
    fn runs(&self, dir: &Path, name: &str) -> Result<(), Failure> {
        if self.is_same {
            return Ok(());
        }
        replace(&supervised::file(dir, name, STARTED_BY), self.digest.to_string().as_bytes(), 0o600)
    }
}

/// What is known of a process by who watches over it.
#[derive(Debug, Default, PartialEq, Eq)]
struct State {
    runs: bool,
    pid: Option<u32>,
    restarts: u32,
    /// How it ended last.
    last: Option<String>,
}

async fn start(
    service: &mut Service,
    process: &ProcessOrder,
    manager: ProcessManager,
) -> Result<(), Failure> {
    let dir = service.dir().to_owned();
    let made = match manager {
        ProcessManager::Systemd => systemd::write(service, process).await?,
        ProcessManager::Supervisor => supervised::write(service, process)?,
    };
    let before = watched(&dir, process, manager).await?;
    if made.is_same
        && before.pid.is_some()
        && listening::silent(&process.ports)?.is_empty()
        && answering::silent(&process.urls).await.is_empty()
    {
        return Ok(());
    }
    if look(&dir, process, manager).await?.runs {
        stop(&dir, process, manager).await?;
        if look(&dir, process, manager).await?.runs {
            halt(&dir, process, manager).await?;
        }
    }
    let taken = |port: &u16| !listening::silent(&[*port]).is_ok_and(|silent| !silent.is_empty());
    if let Some(port) = process.ports.iter().find(|port| taken(port)) {
        let reason = format!("port {port} is taken by another process");
        return Err(Failure::Process { name: process.name.clone(), reason });
    }
    match manager {
        ProcessManager::Systemd => systemd::start(&process.unit).await?,
        ProcessManager::Supervisor => supervised::start(&dir, &process.name).await?,
    }
    let failed = wait_until_up(&dir, process, manager).await?;
    if let Some(reason) = failed {
        let said = match manager {
            ProcessManager::Systemd => systemd::last_words(&process.unit).await,
            ProcessManager::Supervisor => supervised::last_words(&dir, &process.name),
        };
        // Half of a service is none.
        halt(&dir, process, manager).await?;
        let said = if said.is_empty() { said } else { format!("; its last words: {said}") };
        return Err(Failure::Process { name: process.name.clone(), reason: format!("{reason}{said}") });
    }
    made.runs(&dir, &process.name)
}

/// Waits until a process is up; why it is not.
async fn wait_until_up(
    dir: &Path,
    process: &ProcessOrder,
    manager: ProcessManager,
) -> Result<Option<String>, Failure> {
    let limit = Duration::from_secs(process.start_seconds);
    let begun = Instant::now();
    let mut up_since: Option<(Option<u32>, Instant)> = None;
    loop {
        let state = watched(dir, process, manager).await?;
        let silent = listening::silent(&process.ports)?;
        if state.restarts > 0 || (!state.runs && begun.elapsed() > SETTLED) {
            return Ok(Some(format!("it {}", state.last.as_deref().unwrap_or("ended at once"))));
        }
        let mut silent_urls = Vec::new();
        match up_since {
            Some((pid, since)) if pid == state.pid && state.runs => {
                let tells = !process.ports.is_empty() || !process.urls.is_empty();
                if silent.is_empty() && (tells || since.elapsed() >= SETTLED) {
                    silent_urls = answering::silent(&process.urls).await;
                    if silent_urls.is_empty() {
                        return Ok(None);
                    }
                }
            }
            _ if state.runs && state.pid.is_some() => up_since = Some((state.pid, Instant::now())),
            _ => up_since = None,
        }
        if begun.elapsed() >= limit.max(SETTLED * 2) {
            let ports: Vec<_> = silent.iter().map(u16::to_string).collect();
            return Ok(Some(match (&ports[..], &silent_urls[..]) {
                ([], []) => format!("it is not up after {limit:?}"),
                ([], urls) => format!("no good answer from {} after {limit:?}", urls.join(", ")),
                (ports, _) => format!("nobody listens at port {} after {limit:?}", ports.join(", ")),
            }));
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn stop(dir: &Path, process: &ProcessOrder, manager: ProcessManager) -> Result<(), Failure> {
    let limit = Duration::from_secs(process.stop_seconds);
    match manager {
        ProcessManager::Systemd => systemd::stop(&process.unit, limit).await,
        ProcessManager::Supervisor => supervised::stop(dir, &process.name, limit).await,
    }
}

async fn halt(dir: &Path, process: &ProcessOrder, manager: ProcessManager) -> Result<(), Failure> {
    match manager {
        ProcessManager::Systemd => systemd::kill(&process.unit).await?,
        ProcessManager::Supervisor => supervised::halt(dir, &process.name).await?,
    }
    if let Some(filter) = &process.filter {
        let begun = Instant::now();
        while begun.elapsed() < GONE {
            let strays = family::matching(filter);
            if strays.is_empty() {
                break;
            }
            family::kill(&strays);
            sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}
