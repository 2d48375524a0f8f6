//! What the program takes from its surroundings: the environment variables, the home directory, who runs it.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ays_catalogue::Catalogue;
use ays_engine::{HostKey, NewHostKeys, Openings, SshSettings};
use ays_recipes::Environment;

use crate::failure::{Failure, eprint_line};

/// The environment that `--repo`, or the current directory, lies in.
pub fn environment(repo: Option<&Path>) -> Result<Environment, Failure> {
    Ok(Environment::find(repo.unwrap_or(Path::new(".")))?)
}

/// Where an environment's catalogue and logs are: below `AYS_HOME` where that is set, else `/var/lib/ays` for root,
/// else the user's data directory.
pub fn data_dir(environment: &Environment) -> Result<PathBuf, Failure> {
    let name: String = environment
        .name()
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect();
    let name = name.trim_start_matches('.');
    let name = if name.is_empty() { "environment" } else { name };
    let base = match std::env::var_os("AYS_HOME") {
        Some(home) => PathBuf::from(home),
        None if rustix::process::geteuid().is_root() => PathBuf::from("/var/lib/ays"),
        None => home()?.join(".local/share/ays"),
    };
    Ok(base.join(name))
}

/// The environment's catalogue, made when it is not there.
pub async fn catalogue(environment: &Environment) -> Result<Catalogue, Failure> {
    Ok(Catalogue::open(&data_dir(environment)?.join("catalogue.db")).await?)
}

/// How nodes are reached.
pub fn ssh(environment: &Environment, accept_new_host_key: bool) -> Result<SshSettings, Failure> {
    let new_host_keys = if accept_new_host_key {
        NewHostKeys::Accept
    } else if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        NewHostKeys::Ask(Arc::new(ask_about))
    } else {
        NewHostKeys::Refuse
    };
    Ok(SshSettings {
        home: home()?,
        run: std::env::temp_dir(),
        known_hosts: environment.root.join("known_hosts"),
        new_host_keys,
        keep: std::time::Duration::from_secs(60),
        openings: Openings::default(),
    })
}

/// Who runs this, for the records: `user@host`.
pub fn who() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = user.unwrap_or_else(|| format!("uid {}", rustix::process::geteuid().as_raw()));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}", host.trim())
}

fn home() -> Result<PathBuf, Failure> {
    std::env::home_dir().filter(|home| home.is_absolute()).ok_or(Failure::NoHome)
}

fn ask_about(key: &HostKey) -> bool {
    // One question at a time, however many nodes are new.
    static ASKING: Mutex<()> = Mutex::new(());
    let _asking = ASKING.lock();
    eprint_line(&format!("The host key of {key} is not known."));
    let mut stderr = std::io::stderr();
    let mut answer = String::new();
    let asked = write!(stderr, "Is this fingerprint right? It will be remembered. [y/N] ")
        .and_then(|()| stderr.flush());
    let read = asked.and_then(|()| std::io::stdin().lock().read_line(&mut answer));
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
