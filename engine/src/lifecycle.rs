//! The one walk through what is done with a service: it says what is to be done next, and whoever does it gives the
//! outcome back. A node's run does it, a plan records it, so that what is shown is what runs.
//!
//! Each method is the recipe's own, by the interpreter, where it has it; else what its processes stand for.

use std::collections::VecDeque;
use std::path::PathBuf;

use ays_actions::{
    Action, Call, Outcome, OwnProcesses, Phase, Progress, RegisterImage, Run, ServiceKey, Value, WhenFalse,
};
use ays_grammar::Diagnostic;
use ays_model::RunAction;
use ays_recipes::{Parts, Recipe};
use serde::{Deserialize, Serialize};

/// One thing to be done.
#[derive(Debug)]
pub(crate) enum Task {
    /// The node's platform and tools are checked.
    Check,
    /// Packages are brought.
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
    /// Whether they are up; the outcome is a bool.
    CheckUp,
    /// All that was written of the service is removed.
    RemoveWritten,
    /// Something that a method of the recipe asks for.
    Act(Asked),
}

/// What a method of the recipe asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub action: Action,
    /// In one line, without secrets.
    pub shown: String,
    /// What only a node can tell, and what it depends on whether this is done; only in a plan.
    pub depends_on: Option<String>,
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
    /// The values of the service that methods have set, or removed.
    values: Vec<(String, Option<Value>)>,
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
    /// All of an install.
    pub fn new(recipe: &'r Recipe, starting: Starting) -> Self {
        let is_wanted = |phase: &Phase| *phase != Phase::Start || starting == Starting::Starts;
        let phases = Phase::ALL.into_iter().filter(is_wanted).map(Part::Phase);
        Self::of_parts(recipe, phases.collect())
    }

    /// All of another action.
    pub fn of(recipe: &'r Recipe, action: RunAction) -> Self {
        let call = |method| Step::Call(Call { method, when_false: WhenFalse::Fails });
        let one = |method| VecDeque::from([Part::Steps(vec![call(method)])]);
        let parts = match action {
            RunAction::Install | RunAction::Reinstall => return Self::new(recipe, Starting::Starts),
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
        Self::of_parts(recipe, parts)
    }

    fn of_parts(recipe: &'r Recipe, parts: VecDeque<Part>) -> Self {
        let (left, running, standing) = (VecDeque::new(), None, None);
        Self { recipe, parts, left, running, standing, registered: Vec::new(), values: Vec::new() }
    }

    /// What is to be done next; none at the end. `outcome` is what the task before came to.
    pub fn next(&mut self, mut outcome: Outcome) -> Result<Option<Task>, LifecycleError> {
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
                        self.values.push((key, value));
                    }
                    Progress::Action(Action::OwnProcesses(does)) => {
                        if !self.recipe.parts.processes.is_empty() {
                            return Ok(Some(own_processes(does)));
                        }
                        outcome = Outcome::Bool(true);
                    }
                    Progress::Action(Action::ReadHrd { service, key }) => {
                        outcome = Outcome::Value(self.recipe.methods.others.value(&service, &key));
                    }
                    Progress::Action(Action::FindServices { domain, name, instance }) => {
                        let (domain, name, instance) =
                            (domain.as_deref(), name.as_deref(), instance.as_deref());
                        outcome = Outcome::Services(self.recipe.methods.others.find(domain, name, instance));
                    }
                    Progress::Action(action) => {
                        refuse(&action, run)?;
                        let (shown, depends_on) = (run.shown(), run.depends_on());
                        return Ok(Some(Task::Act(Asked { action, shown, depends_on })));
                    }
                    Progress::Returned(value) => {
                        let call = *call;
                        self.running = None;
                        self.returned(call, &value)?;
                    }
                }
            } else if let Some(step) = self.left.pop_front() {
                let call = match step {
                    Step::Do(task) => return Ok(Some(task)),
                    Step::Call(call) => call,
                };
                match (self.recipe.method(call.method), self.usual(call.method)) {
                    (Some(script), _) => {
                        let script = script.clone().with_values(&self.values);
                        self.running = Some((call, script.run(call.method)));
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

/// What the base class does with the service's processes.
fn own_processes(does: OwnProcesses) -> Task {
    match does {
        OwnProcesses::Start => Task::Start,
        OwnProcesses::Stop => Task::Stop,
        OwnProcesses::Halt => Task::Halt,
        OwnProcesses::AreUp => Task::CheckUp,
        OwnProcesses::AreDown => Task::CheckDown,
    }
}

/// An error where a method asks for what nothing here does.
pub(crate) fn refuse(action: &Action, run: &Run) -> Result<(), Diagnostic> {
    match action {
        Action::Service { .. } => {}
        Action::WriteHrd { service, .. } if *service != ServiceKey::Own => {}
        _ => return Ok(()),
    }
    let help = "a service that this one needs is named by `dependencies.N`, with the answers that it gets";
    Err(run.wrong(format!("a method cannot do this yet: {}", run.shown())).with_help(help))
}
