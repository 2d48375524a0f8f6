//! The one walk through an install: it says what is to be done next, and whoever does it gives the outcome back. A
//! node's install does it, a plan records it, so that what is shown is what runs.

use std::collections::VecDeque;
use std::path::PathBuf;

use ays_actions::{Action, Call, Outcome, Phase, Progress, RegisterImage, Run, Value, WhenFalse};
use ays_grammar::Diagnostic;
use ays_recipes::Recipe;

/// One thing to be done.
#[derive(Debug)]
pub(crate) enum Task {
    /// The node's platform and tools are checked.
    Check,
    /// The recipe's file of this number is fetched.
    Fetch(usize),
    /// An image is registered; the outcome is [`Outcome::REGISTERED`].
    Register(RegisterImage),
    /// A download is removed.
    Remove {
        /// The file.
        path: PathBuf,
        /// The number of the recipe's file that was fetched to it.
        download: usize,
    },
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

/// What is left of an install.
pub(crate) struct Lifecycle<'r> {
    recipe: &'r Recipe,
    phases: std::array::IntoIter<Phase, 7>,
    /// What is left of the phase.
    left: VecDeque<Step>,
    /// The method that is under way.
    running: Option<(Call, Run)>,
    registered: Vec<RegisterImage>,
}

enum Step {
    Call(Call),
    Do(Task),
}

impl<'r> Lifecycle<'r> {
    /// All of an install.
    pub fn new(recipe: &'r Recipe) -> Self {
        Self {
            recipe,
            phases: Phase::ALL.into_iter(),
            left: VecDeque::new(),
            running: None,
            registered: Vec::new(),
        }
    }

    /// What is to be done next; none at the end. `outcome` is what the task before came to.
    pub fn next(&mut self, mut outcome: Outcome) -> Result<Option<Task>, LifecycleError> {
        loop {
            if let Some((call, run)) = &mut self.running {
                match run.resume(std::mem::replace(&mut outcome, Outcome::Done))? {
                    Progress::Action(Action::RegisterImage(image)) => {
                        self.registered.push(image.clone());
                        return Ok(Some(Task::Register(image)));
                    }
                    Progress::Action(Action::Print(_)) => {}
                    // The plan has refused it before anything was done.
                    Progress::Action(_) => {
                        let message = format!("an install cannot do this yet: {}", run.shown());
                        return Err(run.wrong(message).into());
                    }
                    Progress::Returned(value) => {
                        let call = *call;
                        self.running = None;
                        self.returned(call, &value)?;
                    }
                }
            } else if let Some(step) = self.left.pop_front() {
                match (step, &self.recipe.script) {
                    (Step::Do(task), _) => return Ok(Some(task)),
                    (Step::Call(call), Some(script)) => self.running = Some((call, script.run(call.method))),
                    (Step::Call(call), None) => self.returned(call, &Value::None)?,
                }
            } else {
                match self.phases.next() {
                    Some(phase) => self.begin(phase),
                    None => return Ok(None),
                }
            }
        }
    }

    fn begin(&mut self, phase: Phase) {
        self.left.extend(phase.calls().iter().copied().map(Step::Call));
        let tasks: Vec<Task> = match phase {
            Phase::Check => vec![Task::Check],
            Phase::Fetch => (0..self.recipe.downloads.len()).map(Task::Fetch).collect(),
            Phase::CleanUp => self.downloads_to_remove(),
            Phase::Prepare | Phase::Configure | Phase::BringDown | Phase::Start => Vec::new(),
        };
        self.left.extend(tasks.into_iter().map(Step::Do));
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
