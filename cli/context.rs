//! What the program takes from its surroundings: the environment variables, the home directory, who runs it.

use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ays_catalogue::{Catalogue, EnvironmentKey, Place};
use ays_model::{HostKey, NewHostKeys};
use ays_operations::{Actor, Controller, catalogue_place, look_for_https, method_calls, open_catalogue};
use ays_recipes::{Environment, EnvironmentError, Flag, Layers, Settings};
use ays_repository::{clone_name, place_of, root_of};
use ays_secrets::{AskOperator, Home, Operator, Repository, Store, Vault};
use ays_transport::{Openings, SshSettings};
use secrecy::SecretString;

use crate::client::{Client, only_here};
use crate::failure::{Failure, eprint_line};
use crate::{prompt, word};

/// The environment that `--repo`, or the current directory, lies in.
pub fn environment(repo: Option<&Path>) -> Result<Environment, Failure> {
    environment_with(repo, Vec::new())
}

/// The same with what flags say over the other settings.
pub fn environment_with(repo: Option<&Path>, flags: Vec<Flag>) -> Result<Environment, Failure> {
    Ok(find(repo, flags)?)
}

/// The same, with its own errors.
pub fn find(repo: Option<&Path>, flags: Vec<Flag>) -> Result<Environment, EnvironmentError> {
    let start = repo.unwrap_or(Path::new("."));
    let mut environment = Environment::find(start, &layers(with_clone_name(start, flags)))?;
    environment.secrets = secrets(&environment);
    Ok(environment)
}

/// A name that was given to the clone goes before what the repository calls itself.
fn with_clone_name(start: &Path, mut flags: Vec<Flag>) -> Vec<Flag> {
    if let Some(value) = root_of(start).ok().and_then(|root| clone_name(&root)) {
        flags.push(Flag { key: "name", flag: "git config ays.name", value });
    }
    flags
}

/// Where the secrets of an environment are. Nothing is read before one is needed.
fn secrets(environment: &Environment) -> Store {
    // One that is not text is no secret.
    let variable =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let variables = std::env::vars_os().filter_map(variable);
    let variables = variables.map(|(name, value)| (name, SecretString::from(value)));
    let command = environment.settings.secrets.command.clone();
    let (Ok(dir), Some(own)) = (data_dir(environment), configuration()) else {
        return Store::new(variables, command, None);
    };
    let vault = Vault { file: dir.join("secrets.age"), identity: own.join("ays/age.key") };
    let remote = environment.checkout.remote();
    let repository = Repository {
        root: environment.root.clone(),
        remote: remote.map(str::to_owned),
        place: remote.map(place_of),
    };
    let home = Home { dir, name: environment.name().to_owned(), repository };
    let operator = Operator {
        ask: prompt::possible().then(|| -> AskOperator { Arc::new(word::ask) }),
        look_for_https: Some(look_for_https(environment.settings.clone(), std::env::temp_dir())),
    };
    Store::new(variables, command, Some(vault)).of(home, operator)
}

/// The settings here: those of the environment, or, outside of any, all the others.
pub fn settings(repo: Option<&Path>) -> Result<Settings, Failure> {
    match find(repo, Vec::new()) {
        Ok(environment) => Ok(environment.settings),
        Err(EnvironmentError::NotFound(_)) if repo.is_none() => {
            Ok(Settings::read(&layers(Vec::new()), None)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// What `--database` says: it belongs to every command, as a variable does.
static DATABASE: OnceLock<String> = OnceLock::new();

/// Sets what `--database` says.
pub fn set_database(database: String) {
    let _ = DATABASE.set(database);
}

/// The layers of settings beside the environment's own file.
fn layers(mut flags: Vec<Flag>) -> Layers {
    if let Some(database) = DATABASE.get() {
        flags.push(Flag { key: "database", flag: "--database", value: database.clone() });
    }
    let files = [Some(PathBuf::from("/etc")), configuration()].into_iter().flatten();
    let text = |words: OsString| words.to_string_lossy().into_owned();
    Layers {
        files: files.map(|dir| dir.join("ays/config.toml")).collect(),
        variables: std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
        flags,
    }
}

/// The user's directory of configurations.
fn configuration() -> Option<PathBuf> {
    let own = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    own.or_else(|| Some(home().ok()?.join(".config")))
}

/// Where an environment's catalogue and logs are: below `AYS_HOME` where that is set, else `/var/lib/ays` for root,
/// else the user's data directory.
fn data_dir(environment: &Environment) -> Result<PathBuf, Failure> {
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

/// The catalogue's file in an environment's directory, where no database is named.
const CATALOGUE: &str = "catalogue.db";

/// Where an environment's catalogue is, and what it is called there.
pub fn place_of_catalogue(environment: &Environment) -> Result<(Place, EnvironmentKey), Failure> {
    environment.secrets.claim()?;
    Ok(catalogue_place(environment, &data_dir(environment)?.join(CATALOGUE))?)
}

/// Where what was fetched from git repositories is kept.
pub fn git_cache(environment: &Environment) -> Result<PathBuf, Failure> {
    Ok(data_dir(environment)?.join("git"))
}

/// What an operation has at hand here. The environment's catalogue is made when it is not there.
pub async fn controller(environment: Arc<Environment>) -> Result<Controller, Failure> {
    // Whoever named a server does not mean the catalogue here.
    if Client::of_variables()?.is_some() {
        return Err(only_here());
    }
    // A repository of the same name from elsewhere finds nothing.
    environment.secrets.claim()?;
    let catalogue = open_catalogue(&environment, &data_dir(&environment)?.join(CATALOGUE)).await?;
    controller_with(environment, catalogue, actor())
}

/// The same with a catalogue that is open, for somebody else.
pub fn controller_with(
    environment: Arc<Environment>,
    catalogue: Catalogue,
    actor: Actor,
) -> Result<Controller, Failure> {
    let logs = data_dir(&environment)?.join("runs");
    Ok(Controller {
        catalogue,
        logs,
        temporary: std::env::temp_dir(),
        actor,
        environment,
        calls: method_calls,
        asked_by: Vec::new(),
    })
}

/// The same for the environment that `--repo`, or the current directory, lies in.
pub async fn controller_of(repo: Option<&Path>) -> Result<Controller, Failure> {
    controller(Arc::new(environment(repo)?)).await
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
    ssh_with(environment, new_host_keys)
}

/// The same where nobody can be asked whether a new host key is right.
pub fn ssh_unattended(environment: &Environment) -> Result<SshSettings, Failure> {
    ssh_with(environment, NewHostKeys::Refuse)
}

fn ssh_with(environment: &Environment, new_host_keys: NewHostKeys) -> Result<SshSettings, Failure> {
    let home = home()?;
    Ok(SshSettings {
        learned: home.join(".ssh/known_hosts"),
        home,
        run: std::env::temp_dir(),
        known_hosts: environment.root.join("known_hosts"),
        new_host_keys,
        keep: environment.settings.ssh.keep,
        openings: Openings::default(),
    })
}

/// Who runs this, for the records: `user@host`.
pub fn actor() -> Actor {
    let user = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = user.unwrap_or_else(|| format!("uid {}", rustix::process::geteuid().as_raw()));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Actor(format!("{user}@{}", host.trim()))
}

/// The user's home directory.
pub fn home() -> Result<PathBuf, Failure> {
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
