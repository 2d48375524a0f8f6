//! What is done with a service on a node beside its images: its processes, its packages, what it wrote.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ays_actions::Outcome as ActionOutcome;
use ays_model::{Check, Download, Event, Network, StepName, Target};
use ays_protocol::{
    Failure, Fetch, InstallPackages, Note, Outcome, ProcessAct, ProcessOrder, ProcessSeen, Processes,
    RemovedService, Secret, SecretText, Step,
};
use ays_recipes::{Packages, Process, Recipe, supports};
use ays_transport::{Helper, HelperError};
use secrecy::ExposeSecret;

use crate::install_error::InstallError;
use crate::lifecycle::Task;
use crate::other_services::OtherServices;
use crate::run_log::Events;
use crate::send_tree::{self, GitTree};

/// A service on a node.
pub(crate) struct OnNode<'a, 'e> {
    pub recipe: &'a Recipe,
    /// Its files from git, in the recipe's order.
    pub trees: &'a [GitTree],
    pub helper: &'a mut Helper,
    pub target: &'a Target,
    /// Where methods that run on this machine have their directories.
    pub local: &'a Path,
    /// Who does what methods ask of other services; none: nobody.
    pub others: Option<&'a dyn OtherServices>,
    /// None: nobody is told.
    pub events: Option<&'a mut Events<'e>>,
    /// The processes as they were seen last.
    pub seen: &'a mut Vec<ProcessSeen>,
    /// What was removed.
    pub removed: &'a mut Option<RemovedService>,
}

impl OnNode<'_, '_> {
    /// Does one of the tasks that are about the service itself.
    pub async fn perform(&mut self, task: Task) -> Result<ActionOutcome, InstallError> {
        match task {
            Task::Packages => return self.install_packages().await.map(ActionOutcome::Bool),
            Task::Export(number) => return self.export(number).await.map(ActionOutcome::Bool),
            Task::CheckDown => {
                let seen = self.processes(ProcessAct::Look, StepName::Stop).await?;
                return Ok(ActionOutcome::Bool(!seen.iter().any(|process| process.runs)));
            }
            Task::CheckUp => {
                let seen = self.processes(ProcessAct::Look, StepName::Start).await?;
                return Ok(ActionOutcome::Bool(seen.iter().all(ProcessSeen::is_up)));
            }
            Task::Stop => self.told(ProcessAct::Stop, StepName::Stop, "stopped").await?,
            Task::Halt => self.told(ProcessAct::Halt, StepName::Stop, "halted").await?,
            Task::EndDropped => {
                self.processes(ProcessAct::Stop, StepName::Stop).await?;
            }
            Task::Start => self.told(ProcessAct::Start, StepName::Start, "started").await?,
            Task::Restart => {
                self.told(ProcessAct::Stop, StepName::Stop, "stopped").await?;
                self.told(ProcessAct::Start, StepName::Start, "started").await?;
            }
            Task::RemoveWritten => self.remove_written().await?,
            Task::Act(asked) => return self.act(asked).await,
            Task::DoneBefore(method) => {
                self.start_step(StepName::Action, method);
                self.done(StepName::Action, format!("{method}: was done before this run"));
            }
            // Those of images.
            Task::Check | Task::Fetch(_) | Task::Register(_) | Task::Remove { .. } => {}
        }
        Ok(ActionOutcome::Done)
    }

    pub fn start_step(&mut self, step: StepName, what: impl Into<String>) {
        if let Some(events) = &mut self.events {
            events.start(step, what);
        }
    }

    pub fn done(&mut self, step: StepName, result: impl Into<String>) {
        if let Some(events) = &mut self.events {
            events.done(step, result);
        }
    }

    async fn told(&mut self, act: ProcessAct, step: StepName, how: &str) -> Result<(), InstallError> {
        let names: Vec<_> = self.recipe.parts.processes.iter().map(|process| process.name.as_str()).collect();
        let names = names.join(", ");
        self.start_step(step, names.as_str());
        let seen = self.processes(act, step).await?;
        let told = if act == ProcessAct::Start { shown(&seen) } else { format!("{names}: {how}") };
        self.done(step, told);
        Ok(())
    }

    /// Asks the node's helper to do something with the processes that are for its platform.
    async fn processes(&mut self, act: ProcessAct, step: StepName) -> Result<Vec<ProcessSeen>, InstallError> {
        let (Some(service), Some(unit)) = (self.recipe.service(), self.recipe.unit()) else {
            return Ok(Vec::new());
        };
        let facts = &self.helper.facts;
        let here = |process: &&Process| supports(&process.platforms, &facts.os, &facts.arch);
        let all: Vec<_> = self.recipe.parts.processes.iter().filter(here).collect();
        let is_only = all.len() == 1;
        let order = |process: &Process| order(process, &self.recipe.title(), &unit, is_only);
        let processes = all.into_iter().map(order).collect();
        let step_of_node = Step::Processes(Processes { service, act, processes });
        match self.helper.run(step_of_node, |_| {}).await {
            Ok(Outcome::Processes(seen)) => {
                self.seen.clone_from(&seen);
                Ok(seen)
            }
            Err(HelperError::Failed(Failure::Process { name, reason })) => {
                let own = self.recipe.parts.processes.iter().find(|process| process.name == name);
                // What it said may repeat the passwords that it was given.
                let reason = own.map_or(reason.clone(), |process| process.mask(&reason));
                let failure = Failure::Process { name, reason };
                Err(InstallError::at(step, Err(HelperError::Failed(failure))))
            }
            other => Err(InstallError::at(step, other)),
        }
    }

    /// Whether there are new ones.
    async fn install_packages(&mut self) -> Result<bool, InstallError> {
        let (Some(packages), Some(service)) = (&self.recipe.parts.packages, self.recipe.service()) else {
            return Ok(false);
        };
        let Packages { sources, keys, update, upgrade, names } = packages.clone();
        self.start_step(StepName::Packages, names.join(", "));
        let at = |other| InstallError::at(StepName::Packages, other);
        let mut files = Vec::new();
        for (number, url) in keys.into_iter().enumerate() {
            let dest = PathBuf::from(format!("/var/lib/ays/services/{service}/key-{}", number + 1));
            files.push(dest.clone());
            let (mirrors, network) = (Vec::new(), Network::default());
            let download = Download { url, mirrors, dest, check: Check::None, member: None, network };
            match self.helper.run(Step::Fetch(Fetch { download, share: None, unpack: None }), |_| {}).await {
                Ok(Outcome::Fetched(_)) => {}
                other => return Err(at(other)),
            }
        }
        let order = InstallPackages { service, sources, keys: files, update, upgrade, names };
        match self.helper.run(Step::InstallPackages(order), |_| {}).await {
            Ok(Outcome::Packages(new)) if new.is_empty() => {
                self.done(StepName::Packages, "were there");
                Ok(false)
            }
            Ok(Outcome::Packages(new)) => {
                self.done(StepName::Packages, format!("installed {}", new.join(", ")));
                Ok(true)
            }
            other => Err(at(other)),
        }
    }

    /// Whether files were written.
    async fn export(&mut self, number: usize) -> Result<bool, InstallError> {
        let (Some(export), Some(tree), Some(service)) =
            (self.recipe.parts.trees().nth(number), self.trees.get(number), self.recipe.service())
        else {
            return Ok(false);
        };
        if !supports(&export.platforms, &self.helper.facts.os, &self.helper.facts.arch) {
            return Ok(false);
        }
        self.start_step(StepName::Export, format!("{} to {}", export.address, export.dest.display()));
        let names = send_tree::names(self.recipe.parts.trees());
        let Some(name) = names.get(number).cloned() else { return Ok(false) };
        let sent = send_tree::send(self.helper, &service, export, tree, (name, names)).await?;
        let commit = tree.commit.get(..12).unwrap_or(&tree.commit);
        let files = tree.entries.len();
        let told = match sent {
            0 => format!("commit {commit}: all {files} files were there"),
            sent => format!("commit {commit}: {sent} of {files} files written"),
        };
        self.done(StepName::Export, told);
        Ok(sent > 0)
    }

    async fn remove_written(&mut self) -> Result<(), InstallError> {
        let Some(service) = self.recipe.service() else { return Ok(()) };
        self.start_step(StepName::Uninstall, "what was written");
        match self.helper.run(Step::RemoveService(service), |_| {}).await {
            Ok(Outcome::RemovedService(removed)) => {
                let mut told = format!("{} files and directories removed", removed.removed.len());
                if !removed.packages.is_empty() {
                    let _ = write!(told, ", and the packages {}", removed.packages.join(", "));
                }
                self.done(StepName::Uninstall, told);
                let others = removed.kept.iter().map(|path| (path, "somebody else's files are in it"));
                let changed = removed.changed.iter().map(|path| (path, "somebody has changed it since"));
                let files =
                    others.chain(changed).map(|(path, why)| format!("{} stays: {why}", path.display()));
                let packages = removed
                    .kept_packages
                    .iter()
                    .map(|name| format!("the package {name} stays: packages of others need it"));
                for message in files.chain(packages) {
                    if let Some(events) = &mut self.events {
                        events.send(Event::Warning { message });
                    }
                }
                *self.removed = Some(removed);
                Ok(())
            }
            other => Err(InstallError::at(StepName::Uninstall, other)),
        }
    }
}

/// Notes that these files are of a service, before they are written.
pub(crate) async fn note(
    helper: &mut Helper,
    recipe: &Recipe,
    paths: Vec<PathBuf>,
) -> Result<(), HelperError> {
    let Some(service) = recipe.service().filter(|_| !paths.is_empty()) else { return Ok(()) };
    match helper.run(Step::Note(Note { service, paths }), |_| {}).await? {
        Outcome::Ready => Ok(()),
        _ => Err(HelperError::Answer),
    }
}

/// Processes in one line.
pub(crate) fn shown(seen: &[ProcessSeen]) -> String {
    seen.iter().map(ProcessSeen::to_string).collect::<Vec<_>>().join("; ")
}

fn order(process: &Process, title: &str, unit: &str, is_only: bool) -> ProcessOrder {
    let Process { name, user, ports, urls, filter, timeout_start, timeout_stop, .. } = process;
    ProcessOrder {
        name: name.clone(),
        unit: if is_only { unit.to_owned() } else { format!("{unit}-{name}") },
        description: format!("{title}: {name} (ays)"),
        script: SecretText(Secret::new(script(process))),
        user: user.clone(),
        ports: ports.clone(),
        urls: urls.clone(),
        filter: filter.clone(),
        start_seconds: timeout_start.as_secs(),
        stop_seconds: timeout_stop.as_secs(),
    }
}

/// The script for `/bin/sh` that becomes the process.
fn script(process: &Process) -> String {
    let mut script = String::from("#!/bin/sh\n");
    for (name, value) in &process.env {
        // Writing into a String does not fail.
        let _ = writeln!(script, "export {name}={}", quoted(value.expose_secret()));
    }
    if let Some(directory) = &process.cwd {
        let _ = writeln!(script, "cd {} || exit 126", quoted(&directory.display().to_string()));
    }
    let command = process.command.expose_secret();
    if is_simple(command) {
        script.push_str("exec ");
    }
    script.push_str(command);
    script.push('\n');
    script
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Whether a command line is one program and its arguments, which can take the shell's place.
fn is_simple(command: &str) -> bool {
    const BUILT_IN: [&str; 14] = [
        "cd", "export", "source", ".", "if", "for", "while", "until", "case", "set", "exec", "eval",
        "ulimit", "umask",
    ];
    let first = command.split_whitespace().next().unwrap_or_default();
    !command.contains([';', '&', '|', '<', '>', '`', '\n', '(', ')', '{'])
        && !first.contains('=')
        && !BUILT_IN.contains(&first)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::SecretString;

    use super::*;

    fn process(command: &str) -> Process {
        Process {
            name: "web".to_owned(),
            command: SecretString::from(command),
            shown: command.to_owned(),
            env: Vec::new(),
            cwd: None,
            user: None,
            priority: 10,
            ports: Vec::new(),
            urls: Vec::new(),
            timeout_start: Duration::from_secs(10),
            timeout_stop: Duration::from_secs(10),
            filter: None,
            platforms: Vec::new(),
            secrets: Vec::new(),
        }
    }

    #[test]
    fn a_plain_command_takes_the_shells_place() {
        assert_eq!(script(&process("nginx -g 'daemon off'")), "#!/bin/sh\nexec nginx -g 'daemon off'\n");
        for command in ["a; b", "A=1 b", "cd /x", "a > /tmp/x", "exec a"] {
            assert_eq!(script(&process(command)), format!("#!/bin/sh\n{command}\n"));
        }
    }

    #[test]
    fn variables_and_directories_are_quoted() {
        let env = vec![("PW".to_owned(), SecretString::from("it's; rm -r /"))];
        let all = Process { env, cwd: Some("/srv/a b".into()), ..process("run") };
        assert_eq!(
            script(&all),
            "#!/bin/sh\nexport PW='it'\\''s; rm -r /'\ncd '/srv/a b' || exit 126\nexec run\n"
        );
    }
}
