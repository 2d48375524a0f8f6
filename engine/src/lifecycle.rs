//! The one walk through what is done with a service: it says what is to be done next, and whoever does it gives the
//! outcome back. A node's run does it, a plan records it, so that what is shown is what runs.
//!
//! Each method is the recipe's own, by the interpreter, where it has it; else what its processes stand for.

use std::collections::VecDeque;
use std::path::PathBuf;

use ays_actions::{
    Action, Call, LASTING_METHODS, Outcome, OwnProcesses, Phase, Progress, RegisterImage, Run, ServiceKey,
    Value, WhenFalse,
};
use ays_grammar::Diagnostic;
use ays_model::RunAction;
use ays_recipes::{Parts, Recipe};
use serde::{Deserialize, Serialize};

use crate::local_methods::{NOT_HERE, is_local, may};
use crate::method_state::MethodState;

/// One thing to be done.
#[derive(Debug)]
pub(crate) enum Task {
    /// The node's platform and tools are checked.
    Check,
    /// Packages are brought; the outcome is whether anything has changed, as that of the next two.
    Packages,
    /// The recipe's file of this number is fetched.
    Fetch(usize),
    /// The recipe's files from git of this number ([`ays_recipes::Parts::trees`]) are written.
    Export(usize),
    /// An image is registered; the outcome is [`Outcome::REGISTERED`].
    Register(RegisterImage),
    /// A download is removed.
    Remove {
        /// The file.
        path: PathBuf,
        /// The number of the recipe's file that was fetched to it.
        download: usize,
    },
    /// Whether the processes are down; the outcome is a bool.
    CheckDown,
    /// The processes are asked to end.
    Stop,
    /// They are ended.
    Halt,
    /// Those that an earlier version of the recipe had are ended: this one has none.
    EndDropped,
    /// They are started.
    Start,
    /// They are ended, and started again.
    Restart,
    /// Whether they are up; the outcome is a bool.
    CheckUp,
    /// All that was written of the service is removed.
    RemoveWritten,
    /// Something that a method of the recipe asks for.
    Act(Asked),
    /// Nothing: this method of the recipe was done by an install that has come to no end.
    DoneBefore(&'static str),
}

/// What a method of the recipe asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub action: Action,
    /// In one line, without secrets.
    pub shown: String,
    /// What only a node can tell, and what it depends on whether this is done; only in a plan.
    pub depends_on: Option<String>,
    /// It is done on this machine.
    pub is_local: bool,
}

/// Whether an install starts what it has installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Starting {
    /// It does, and looks whether it is up.
    #[default]
    Starts,
    /// It leaves that to somebody else (`--no-start`).
    Leaves,
}

/// Why an install ends before its last phase, by what the recipe says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LifecycleError {
    #[error(transparent)]
    Recipe(#[from] Diagnostic),
    #[error("`{method}` of the recipe returned False")]
    Method { method: &'static str },
    #[error("the service is still running after stop and halt")]
    StillRunning,
}

/// What is left of a run.
pub(crate) struct Lifecycle<'r> {
    recipe: &'r Recipe,
    parts: VecDeque<Part>,
    /// What is left of the part.
    left: VecDeque<Step>,
    /// The method of the recipe that is under way.
    running: Option<(Call, Run)>,
    /// The method that a task stands for, which is under way.
    standing: Option<Call>,
    registered: Vec<RegisterImage>,
    /// What methods have left, in this run and before.
    state: MethodState,
    /// The method that is under way has set a value.
    has_set: bool,
    /// A method has ended, and what it has left is not kept yet.
    is_unkept: bool,
    /// What `execute` is given.
    command: Option<String>,
    /// An install: what it has done is not done again by the next one.
    is_install: bool,
    /// The methods that are not done again: the first ones that an earlier install has done.
    before: Vec<String>,
    /// The methods that are kept as done.
    kept_done: Vec<String>,
    /// What other services of this run were given: whose, the key, the value.
    said: Vec<(ServiceKey, String, Value)>,
    /// The task that is under way brings what methods build on.
    is_bringing: bool,
    /// What the method that is under way gives other services that it has installed: whose, the key, the value, and what is
    /// wrong when it does not.
    given: Vec<(ServiceKey, String, Value, Diagnostic)>,
    /// How many images were registered before the method that is under way.
    registered_before: usize,
}

/// A part of a run.
enum Part {
    Phase(Phase),
    Steps(Vec<Step>),
}

enum Step {
    Call(Call),
    Do(Task),
}

impl<'r> Lifecycle<'r> {
    /// All of an install, from where the one before has left off.
    pub fn new(recipe: &'r Recipe, starting: Starting, state: MethodState) -> Self {
        let is_wanted = |phase: &Phase| *phase != Phase::Start || starting == Starting::Starts;
        let phases = Phase::ALL.into_iter().filter(is_wanted).map(Part::Phase);
        let mut state = state;
        // What this run finds to be done is said anew, one after the other.
        let before = std::mem::take(&mut state.done);
        let kept_done = before.clone();
        Self { is_install: true, before, kept_done, ..Self::of_parts(recipe, phases.collect(), state) }
    }

    /// All of another action.
    pub fn of(recipe: &'r Recipe, action: RunAction, state: MethodState) -> Self {
        let call = |method| Step::Call(Call { method, when_false: WhenFalse::Fails });
        let one = |method| VecDeque::from([Part::Steps(vec![call(method)])]);
        let parts = match action {
            RunAction::Install | RunAction::Reinstall => return Self::new(recipe, Starting::Starts, state),
            RunAction::Start => VecDeque::from([Part::Phase(Phase::Start)]),
            RunAction::Stop => VecDeque::from([Part::Phase(Phase::BringDown)]),
            RunAction::Restart => VecDeque::from([Part::Phase(Phase::BringDown), Part::Phase(Phase::Start)]),
            RunAction::Status => one("check_up_local"),
            RunAction::Monitor => VecDeque::from([Part::Steps(
                ["check_up_local", "monitor_local", "monitor_remote"].map(call).into(),
            )]),
            RunAction::Prepare => VecDeque::from([Part::Phase(Phase::Prepare)]),
            RunAction::Configure => VecDeque::from([Part::Phase(Phase::Configure)]),
            RunAction::Build => {
                let first = recipe.parts.exports.len();
                let trees =
                    (first..recipe.parts.trees().count()).map(|number| Step::Do(Task::Export(number)));
                VecDeque::from([Part::Steps(trees.chain([call("build")]).collect())])
            }
            RunAction::Cleanup => one("cleanup"),
            RunAction::Removedata => one("removedata"),
            RunAction::Execute => one("execute"),
            RunAction::Export => one("data_export"),
            RunAction::Import => one("data_import"),
            RunAction::Test => one("test"),
            RunAction::Uninstall => VecDeque::from([
                Part::Phase(Phase::BringDown),
                Part::Steps(vec![call("uninstall"), Step::Do(Task::RemoveWritten)]),
            ]),
            RunAction::Reset => VecDeque::from([
                Part::Phase(Phase::BringDown),
                Part::Steps(vec![call("uninstall"), call("removedata"), Step::Do(Task::RemoveWritten)]),
            ]),
        };
        Self::of_parts(recipe, parts, state)
    }

    /// The same with what `execute` is given.
    pub fn with_command(self, command: Option<&str>) -> Self {
        Self { command: command.map(str::to_owned), ..self }
    }

    fn of_parts(recipe: &'r Recipe, parts: VecDeque<Part>, state: MethodState) -> Self {
        Self {
            recipe,
            parts,
            left: VecDeque::new(),
            running: None,
            standing: None,
            registered: Vec::new(),
            state,
            has_set: false,
            is_unkept: false,
            command: None,
            is_install: false,
            before: Vec::new(),
            kept_done: Vec::new(),
            said: Vec::new(),
            is_bringing: false,
            given: Vec::new(),
            registered_before: 0,
        }
    }

    /// What methods have left, where that has changed: it is to be kept.
    pub fn left_to_keep(&mut self) -> Option<&MethodState> {
        std::mem::take(&mut self.is_unkept).then_some(&self.state)
    }

    /// What is to be done next; none at the end. `outcome` is what the task before came to.
    pub fn next(&mut self, mut outcome: Outcome) -> Result<Option<Task>, LifecycleError> {
        if std::mem::take(&mut self.is_bringing) && outcome == Outcome::Bool(true) {
            // What was done before was done with something else.
            self.before.clear();
        }
        if let Some(call) = self.standing.take() {
            let value = match std::mem::replace(&mut outcome, Outcome::Done) {
                Outcome::Bool(value) => Value::Bool(value),
                _ => Value::None,
            };
            self.returned(call, &value)?;
        }
        loop {
            if let Some((call, run)) = &mut self.running {
                match run.resume(std::mem::replace(&mut outcome, Outcome::Done))? {
                    Progress::Action(Action::RegisterImage(image)) => {
                        self.registered.push(image.clone());
                        return Ok(Some(Task::Register(image)));
                    }
                    Progress::Action(Action::WriteHrd { service: ServiceKey::Own, key, value }) => {
                        self.state.set(key, value);
                        self.has_set = true;
                    }
                    Progress::Action(Action::OwnProcesses(does)) => {
                        if !self.recipe.parts.processes.is_empty() {
                            return Ok(Some(own_processes(does)));
                        }
                        outcome = Outcome::Bool(true);
                    }
                    Progress::Action(Action::ReadHrd { service, key }) => {
                        let said = said(&self.said, &service, &key);
                        outcome =
                            Outcome::Value(said.or_else(|| self.recipe.methods.others.value(&service, &key)));
                    }
                    Progress::Action(Action::FindServices { domain, name, instance }) => {
                        let (domain, name, instance) =
                            (domain.as_deref(), name.as_deref(), instance.as_deref());
                        outcome = Outcome::Services(self.recipe.methods.others.find(domain, name, instance));
                    }
                    Progress::Action(Action::WriteHrd {
                        service: service @ ServiceKey::Other { .. },
                        key,
                        value: Some(value),
                    }) => {
                        self.said.push((service.clone(), key.clone(), value.clone()));
                        self.given.push((service, key, value, run.wrong(NOT_INSTALLED)));
                    }
                    Progress::Action(mut action) => {
                        let is_local = is_local(call.method);
                        refuse(&action, run, is_local)?;
                        match &mut action {
                            Action::Service { service: ServiceKey::Own, verb, .. } => {
                                let task = match *verb {
                                    "start" => Task::Start,
                                    "stop" => Task::Stop,
                                    _ => Task::Restart,
                                };
                                if !self.recipe.parts.processes.is_empty() {
                                    return Ok(Some(task));
                                }
                                outcome = Outcome::Bool(true);
                                continue;
                            }
                            Action::Service { service, verb: "install", args } => {
                                let own = self.given.extract_if(.., |(of, ..)| of == service);
                                let given = args.iter().cloned();
                                self.said.extend(given.map(|(key, value)| (service.clone(), key, value)));
                                args.splice(0..0, own.map(|(_, key, value, _)| (key, value)));
                            }
                            _ => {}
                        }
                        let (mut shown, depends_on) = (run.shown(), run.depends_on());
                        if is_local && !matches!(action, Action::Print(_)) {
                            shown.insert_str(0, "on the controller: ");
                        }
                        return Ok(Some(Task::Act(Asked { action, shown, depends_on, is_local })));
                    }
                    Progress::Returned(value) => {
                        let call = *call;
                        self.running = None;
                        if let Some((.., error)) = self.given.pop() {
                            return Err(error.into());
                        }
                        self.ended(call.method, &value);
                        self.returned(call, &value)?;
                    }
                }
            } else if let Some(step) = self.left.pop_front() {
                let call = match step {
                    Step::Do(task) => {
                        self.is_bringing = matches!(task, Task::Packages | Task::Fetch(_) | Task::Export(_));
                        if self.is_bringing {
                            // Stopped in the middle of it, nobody knows what it has changed.
                            self.keep_done();
                        }
                        return Ok(Some(task));
                    }
                    Step::Call(call) => call,
                };
                match (self.recipe.method(call.method), self.usual(call.method)) {
                    (Some(_), _) if self.before.first().is_some_and(|done| done == call.method) => {
                        self.state.done.push(self.before.remove(0));
                        self.keep_done();
                        return Ok(Some(Task::DoneBefore(call.method)));
                    }
                    (Some(script), _) => {
                        let script = script.clone().with_values(&self.state.values);
                        self.registered_before = self.registered.len();
                        if self.is_install && LASTING_METHODS.contains(&call.method) {
                            // Those after it built on what it did then.
                            self.before.clear();
                            self.keep_done();
                        }
                        let given = self.command.iter().filter(|_| call.method == "execute");
                        let given = given.cloned().map(Value::Str).collect();
                        self.running = Some((call, script.run_with(call.method, given)));
                    }
                    (None, Some(task)) => {
                        self.standing = Some(call);
                        return Ok(Some(task));
                    }
                    (None, None) => self.returned(call, &Value::None)?,
                }
            } else {
                match self.parts.pop_front() {
                    Some(Part::Phase(phase)) => self.begin(phase),
                    Some(Part::Steps(steps)) => self.left.extend(steps),
                    None => return Ok(None),
                }
            }
        }
    }

    fn begin(&mut self, phase: Phase) {
        let Parts { packages, exports, processes, .. } = &self.recipe.parts;
        // What registers images never had any.
        if phase == Phase::BringDown && processes.is_empty() && self.registered.is_empty() {
            self.left.push_back(Step::Do(Task::EndDropped));
        }
        if phase == Phase::Prepare && packages.is_some() {
            self.left.push_back(Step::Do(Task::Packages));
        }
        self.left.extend(phase.calls().iter().copied().map(Step::Call));
        let tasks: Vec<Task> = match phase {
            Phase::Check => vec![Task::Check],
            Phase::Fetch => {
                let downloads = (0..self.recipe.downloads.len()).map(Task::Fetch);
                downloads.chain((0..exports.len()).map(Task::Export)).collect()
            }
            Phase::CleanUp => self.downloads_to_remove(),
            Phase::Prepare | Phase::Configure | Phase::BringDown | Phase::Start => Vec::new(),
        };
        self.left.extend(tasks.into_iter().map(Step::Do));
    }

    /// What a method does where the recipe does not have it.
    fn usual(&self, method: &str) -> Option<Task> {
        if self.recipe.parts.processes.is_empty() {
            return None;
        }
        match method {
            "check_down_local" => Some(Task::CheckDown),
            "stop" => Some(Task::Stop),
            "halt" => Some(Task::Halt),
            "start" => Some(Task::Start),
            "check_up_local" => Some(Task::CheckUp),
            _ => None,
        }
    }

    /// A method of the recipe has come to its end. One that registers images is done again: the record of what is installed
    /// needs them.
    fn ended(&mut self, method: &'static str, value: &Value) {
        let lasts = self.is_install
            && LASTING_METHODS.contains(&method)
            && self.registered.len() == self.registered_before;
        if lasts && *value != Value::Bool(false) {
            self.state.done.push(method.to_owned());
            self.keep_done();
        }
        self.is_unkept |= std::mem::take(&mut self.has_set);
    }

    /// The methods that are done are to be kept, where others are.
    fn keep_done(&mut self) {
        if self.is_install && self.kept_done != self.state.done {
            self.kept_done.clone_from(&self.state.done);
            self.is_unkept = true;
        }
    }

    fn returned(&mut self, Call { method, when_false }: Call, value: &Value) -> Result<(), LifecycleError> {
        let is_false = *value == Value::Bool(false);
        match when_false {
            WhenFalse::Fails if is_false => Err(LifecycleError::Method { method }),
            WhenFalse::GoesOn if is_false && self.left.is_empty() => Err(LifecycleError::StillRunning),
            WhenFalse::GoesOn if !is_false => {
                self.left.clear();
                Ok(())
            }
            WhenFalse::Fails | WhenFalse::GoesOn | WhenFalse::Ignored => Ok(()),
        }
    }

    /// Each once, whatever the number of images that are made of it.
    fn downloads_to_remove(&self) -> Vec<Task> {
        let mut removed: Vec<&RegisterImage> = Vec::new();
        for image in self.registered.iter().filter(|image| image.delete) {
            // A file that is registered where it lies is not a download.
            let is_source = |image: &RegisterImage| {
                self.recipe
                    .downloads
                    .iter()
                    .any(|download| download.url.path_on_node().as_ref() == Some(&image.file))
            };
            if !is_source(image) && !removed.iter().any(|known| known.file == image.file) {
                removed.push(image);
            }
        }
        let remove =
            |image: &RegisterImage| Task::Remove { path: image.file.clone(), download: image.download };
        removed.into_iter().map(remove).collect()
    }
}

/// What a method has given another service before.
fn said(all: &[(ServiceKey, String, Value)], service: &ServiceKey, key: &str) -> Option<Value> {
    let ServiceKey::Other { name, instance, .. } = service else { return None };
    let short = |key: &str| key.strip_prefix("instance.").unwrap_or(key).to_lowercase();
    let is_it = |of: &ServiceKey| matches!(of, ServiceKey::Other { name: of, instance: its, .. } if of == name && its == instance);
    let found = all.iter().rev().find(|(of, known, _)| is_it(of) && short(known) == short(key));
    found.map(|(.., value)| value.clone())
}

/// What the base class does with the service's processes.
pub(crate) fn own_processes(does: OwnProcesses) -> Task {
    match does {
        OwnProcesses::Start => Task::Start,
        OwnProcesses::Stop => Task::Stop,
        OwnProcesses::Halt => Task::Halt,
        OwnProcesses::AreUp => Task::CheckUp,
        OwnProcesses::AreDown => Task::CheckDown,
    }
}

/// A value that was given to another service, and went nowhere.
const NOT_INSTALLED: &str =
    "a method can give a value to another service only where it then has it installed";

/// An error where a method asks for what nothing here does.
pub(crate) fn refuse(action: &Action, run: &Run, is_local: bool) -> Result<(), Diagnostic> {
    if is_local && !may(action) {
        return Err(run.wrong(format!("a method cannot do this: {}: {NOT_HERE}", run.shown())));
    }
    match action {
        Action::Service { service: ServiceKey::Own, verb: "start" | "stop" | "restart", .. }
        | Action::Service { service: ServiceKey::Other { .. }, .. } => Ok(()),
        // What would be set or removed of others is theirs.
        Action::Service { .. }
        | Action::WriteHrd { service: ServiceKey::System, .. }
        | Action::WriteHrd { service: ServiceKey::Other { .. }, value: None, .. } => {
            Err(run.wrong(format!("a method cannot do this: {}", run.shown())))
        }
        _ => Ok(()),
    }
}
