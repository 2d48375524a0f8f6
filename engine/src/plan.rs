//! What an install is going to do, told before anything is done.

use std::path::PathBuf;

use ays_actions::{Action, Outcome, Progress, Script, ServiceKey, install_methods};
use ays_grammar::Diagnostic;
use ays_model::{
    Check, DiskFormat, ImageName, InstanceName, NodeName, RunAction, Signed, Target, TemplateName,
};
use ays_recipes::{Process, Recipe};
use serde::Serialize;

use crate::lifecycle::{Asked, Lifecycle, LifecycleError, Starting, Task, refuse};
use crate::local_methods::is_local;
use crate::method_state::MethodState;

/// One thing that will be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Planned {
    /// The node is looked at.
    Check {
        /// The platforms that the recipe supports; empty: all.
        platforms: Vec<String>,
    },
    /// A file is fetched.
    Fetch {
        /// Where from, without credentials.
        url: String,
        /// Where to.
        dest: PathBuf,
        /// How it is verified.
        check: String,
    },
    /// It is converted into the pool and registered.
    Register {
        /// The image's name.
        image: ImageName,
        /// Its category.
        category: String,
        /// The smallest disk, in GB.
        size: u32,
        /// The stored file, its hash not known yet.
        file: PathBuf,
        /// The stacks that it is wanted on.
        stacks: Vec<NodeName>,
    },
    /// The downloaded file is removed.
    Remove {
        /// The file.
        path: PathBuf,
    },
    /// apt brings packages.
    Packages {
        /// Their names.
        names: Vec<String>,
        /// Lines of apt's sources that are added.
        sources: Vec<String>,
    },
    /// Files of a git repository are written.
    Export {
        /// The repository, without a password.
        url: String,
        /// Which commit of it.
        revision: String,
        /// What of it.
        source: String,
        /// Where to.
        dest: PathBuf,
    },
    /// What runs is ended.
    Stop,
    /// A process is started.
    Start {
        /// Its name.
        process: String,
        /// Its command, without secrets.
        command: String,
        /// The ports that are waited for.
        ports: Vec<u16>,
        /// The addresses whose good answers are waited for.
        urls: Vec<String>,
    },
    /// What was written is removed.
    RemoveWritten,
    /// Something that a method of the recipe asks for.
    Act {
        /// In one line, without secrets.
        what: String,
        /// What only the node can tell, and what it depends on whether this is done.
        depends_on: Option<String>,
    },
}

/// All that an install on a node will do, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The template.
    pub template: TemplateName,
    /// The instance.
    pub instance: InstanceName,
    /// The node.
    pub node: NodeName,
    /// The steps.
    pub steps: Vec<Planned>,
    /// What the operator should know before.
    pub warnings: Vec<String>,
    /// The recipe's downloads that images are registered from, by their numbers.
    #[serde(skip)]
    pub registered: Vec<usize>,
}

impl Plan {
    /// Plans an install: it is walked through with a recorder in the node's place, which answers as is expected, so a
    /// recipe that asks for what cannot be done is an error here. Where a method of the recipe says that the install
    /// fails, the plan ends as the install will. `stacks` are those that a registered image is wanted on.
    pub fn new(
        recipe: &Recipe,
        target: &Target,
        stacks: &[NodeName],
        starting: Starting,
    ) -> Result<Self, Diagnostic> {
        if let Some(script) = &recipe.script {
            interpret_all(script)?;
        }
        let (mut steps, mut warnings, mut registered) = (Vec::new(), Vec::new(), Vec::new());
        let mut lifecycle = Lifecycle::new(recipe, starting, MethodState::default());
        let mut outcome = Outcome::Done;
        loop {
            let task = match lifecycle.next(outcome) {
                Ok(Some(task)) => task,
                Ok(None) => break,
                Err(LifecycleError::Recipe(error)) => return Err(error),
                Err(error @ (LifecycleError::Method { .. } | LifecycleError::StillRunning)) => {
                    warnings.push(format!("the install will end here: {error}"));
                    break;
                }
            };
            outcome = match &task {
                Task::Register(image) => {
                    warnings.extend(image.warnings());
                    registered.push(image.download);
                    Outcome::REGISTERED
                }
                task => expected(task),
            };
            steps.extend(Planned::of(task, recipe, target, stacks));
        }
        Ok(Self {
            template: recipe.template.clone(),
            instance: recipe.instance.clone(),
            node: target.name().clone(),
            steps,
            warnings,
            registered,
        })
    }

    /// Whether an image is registered, which needs a pool and `qemu-img`.
    pub fn registers(&self) -> bool {
        !self.registered.is_empty()
    }
}

/// The downloads that a recipe registers images from, by their numbers; those before the first mistake in it.
pub fn registered(recipe: &Recipe) -> Vec<usize> {
    let (mut registered, mut lifecycle, mut outcome) =
        (Vec::new(), Lifecycle::new(recipe, Starting::Starts, MethodState::default()), Outcome::Done);
    while let Ok(Some(task)) = lifecycle.next(outcome) {
        outcome = match task {
            Task::Register(image) => {
                registered.push(image.download);
                Outcome::REGISTERED
            }
            task => expected(&task),
        };
    }
    registered
}

/// Walks through an action as if all went well: what the recipe's methods cannot do is known before anything is done.
pub(crate) fn refuse_what_cannot_be_done(
    recipe: &Recipe,
    action: RunAction,
    state: MethodState,
) -> Result<(), Diagnostic> {
    let (mut lifecycle, mut outcome) = (Lifecycle::of(recipe, action, state), Outcome::Done);
    loop {
        outcome = match lifecycle.next(outcome) {
            Ok(Some(Task::Register(_))) => Outcome::REGISTERED,
            Ok(Some(task)) => expected(&task),
            Err(LifecycleError::Recipe(error)) => return Err(error),
            Ok(None) | Err(_) => return Ok(()),
        };
    }
}

/// What a task comes to when all goes well and nothing runs yet.
fn expected(task: &Task) -> Outcome {
    match task {
        Task::CheckDown | Task::CheckUp => Outcome::Bool(true),
        Task::Act(Asked { action: Action::Print(_), .. }) => Outcome::Done,
        Task::Act(_) => Outcome::Unknown,
        _ => Outcome::Done,
    }
}

impl Planned {
    /// What is told of a task; what only looks is not.
    fn of(task: Task, recipe: &Recipe, target: &Target, stacks: &[NodeName]) -> Vec<Self> {
        let one = match task {
            Task::CheckDown | Task::CheckUp | Task::EndDropped | Task::DoneBefore(_) => return Vec::new(),
            Task::Stop | Task::Halt => Self::Stop,
            Task::RemoveWritten => Self::RemoveWritten,
            Task::Act(Asked { action: Action::Print(_), .. }) => return Vec::new(),
            Task::Act(Asked { shown, depends_on, .. }) => Self::Act { what: shown, depends_on },
            Task::Start | Task::Restart => {
                let is_restart = matches!(task, Task::Restart);
                let start = |process: &Process| Self::Start {
                    process: process.name.clone(),
                    command: process.shown.clone(),
                    ports: process.ports.clone(),
                    urls: process.urls.iter().map(ToString::to_string).collect(),
                };
                let stop = is_restart.then_some(Self::Stop);
                return stop.into_iter().chain(recipe.parts.processes.iter().map(start)).collect();
            }
            Task::Packages => {
                let packages = recipe.parts.packages.clone().unwrap_or_default();
                Self::Packages { names: packages.names, sources: packages.sources }
            }
            Task::Export(number) => match recipe.parts.trees().nth(number) {
                Some(export) => Self::Export {
                    url: export.address.to_string(),
                    revision: export.which.to_string(),
                    source: export.source.clone(),
                    dest: export.dest.clone(),
                },
                None => return Vec::new(),
            },
            Task::Check => Self::Check { platforms: recipe.platforms.clone() },
            Task::Fetch(number) => {
                let download = &recipe.downloads[number];
                Self::Fetch {
                    url: download.url.to_string(),
                    dest: download.dest.clone(),
                    check: describe(&download.check),
                }
            }
            Task::Register(image) => {
                let pool = target.pool();
                let file = format!("{}-<content>.{}", image.stem, DiskFormat::as_str(pool.format));
                Self::Register {
                    image: image.name,
                    category: image.category,
                    size: image.size_gb,
                    file: pool.path.join(file),
                    stacks: stacks.to_vec(),
                }
            }
            Task::Remove { path, .. } => Self::Remove { path },
        };
        vec![one]
    }
}

/// Every method is interpreted, also one that only runs when something is still running: what a recipe cannot do is
/// known before anything is done.
fn interpret_all(script: &Script) -> Result<(), Diagnostic> {
    let mut script = script.clone();
    for method in install_methods() {
        if let Some(left_out) = script.unsupported(method).first() {
            return Err(left_out.error().clone());
        }
        let mut run = script.run(method);
        let mut outcome = Outcome::Done;
        while let Progress::Action(action) = run.resume(outcome)? {
            refuse(&action, &run, is_local(method))?;
            outcome = match action {
                Action::WriteHrd { service: ServiceKey::Own, key, value } => {
                    script = script.with_values(&[(key, value)]);
                    Outcome::Done
                }
                Action::RegisterImage(_) => Outcome::REGISTERED,
                Action::Print(_) => Outcome::Done,
                _ => Outcome::Unknown,
            };
        }
    }
    Ok(())
}

fn describe(check: &Check) -> String {
    let signed_by = |signed: &Signed| format!("signature {}", signed.file);
    match check {
        Check::None => "not verified: checkmd5 is off".to_owned(),
        Check::Md5Beside => "MD5 beside the source".to_owned(),
        Check::Checksum(checksum) => {
            let weak = if checksum.kind().is_weak() { ", which is weak" } else { "" };
            format!("{} of the recipe{weak}", checksum.kind().title())
        }
        Check::Sums { list, signed: None, .. } => format!("{list} beside the source"),
        Check::Sums { list, signed: Some(signed), .. } => {
            format!("{list} beside the source, {}", signed_by(signed))
        }
        Check::Signed { signed, checksum } => {
            let also = checksum.map(|checksum| format!("{} of the recipe, ", checksum.kind().title()));
            format!("{}{} beside the source", also.unwrap_or_default(), signed_by(signed))
        }
        Check::Stream(stream) => {
            let signed = if stream.signed.is_some() { ", signed" } else { "" };
            format!("{} of {} in the stream{signed}", stream.item, stream.product)
        }
        Check::Artifact(artifact) => {
            let item = artifact.item.as_ref().map(|item| format!(", {item}")).unwrap_or_default();
            format!("digest of the layer, {}{item}", artifact.arch)
        }
    }
}

impl std::fmt::Display for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Check { platforms } if platforms.is_empty() => f.write_str("check     any platform"),
            Self::Check { platforms } => write!(f, "check     platform {}", platforms.join(", ")),
            Self::Fetch { url, dest, check } => {
                write!(f, "fetch     {url}\n       to {} ({check})", dest.display())
            }
            Self::Register { image, category, size, file, stacks } => {
                let stacks: Vec<&str> = stacks.iter().map(NodeName::as_str).collect();
                let stacks = if stacks.is_empty() { "no stack".to_owned() } else { stacks.join(", ") };
                write!(
                    f,
                    "register  {image} ({category}, {size} GB) for {stacks}\n       as {}",
                    file.display()
                )
            }
            Self::Remove { path } => write!(f, "remove    {}", path.display()),
            Self::Packages { names, sources } => {
                write!(f, "packages  {}", names.join(", "))?;
                sources.iter().try_for_each(|line| write!(f, "\n       from {line}"))
            }
            Self::Export { url, revision, source, dest } => {
                let source = if source.is_empty() { "all of it" } else { source };
                write!(f, "export    {url}, {revision}: {source}\n       to {}", dest.display())
            }
            Self::Stop => f.write_str("stop      what runs"),
            Self::Start { process, command, ports, urls } => {
                write!(f, "start     {process}: {command}")?;
                let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
                if !ports.is_empty() {
                    write!(f, "\n       until it listens at {}", ports.join(", "))?;
                }
                if !urls.is_empty() {
                    write!(f, "\n       until {} answers", urls.join(", "))?;
                }
                Ok(())
            }
            Self::RemoveWritten => f.write_str("remove    what was written"),
            Self::Act { what, depends_on: None } => write!(f, "action    {what}"),
            Self::Act { what, depends_on: Some(on) } => {
                write!(f, "action    {what}\n       it depends on {on}")
            }
        }
    }
}
