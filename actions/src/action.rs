//! What a recipe wants done, as plain data: the whole of what an `actions.py` can do to the world.

use std::fmt;
use std::time::Duration;

use ays_model::{Found, NodeAction, NodeAnswer};

use crate::register_image::RegisterImage;
use crate::value::Value;

/// One thing that a recipe wants done. Each says which [`Outcome`] answers it; [`Outcome::Failed`] and
/// [`Outcome::Unknown`] answer any.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Make the downloaded file an image: [`Outcome::Done`].
    RegisterImage(RegisterImage),
    /// A line that the recipe prints, for the log: [`Outcome::Done`].
    Print(String),
    /// Wait: [`Outcome::Done`].
    Sleep(Duration),
    /// Something on the node. [`Outcome`] has what [`NodeAnswer`] has.
    Node(NodeAction),
    /// Fetch a file onto the node, parents of `path` made: [`Outcome::Done`].
    Download {
        /// Where from.
        url: String,
        /// The file.
        path: String,
        /// An MD5 that it must have.
        md5: Option<String>,
        /// Whether a file that is there is fetched again.
        overwrite: bool,
    },
    /// The values of a service: another one's, or those of this one where [`crate::Script::with_service`] was not
    /// called: [`Outcome::Value`], `None` for a key that is not there.
    ReadHrd {
        /// Whose.
        service: ServiceKey,
        /// The key.
        key: String,
    },
    /// Give a key of a service's HRD a value, and keep it: [`Outcome::Done`].
    WriteHrd {
        /// Whose.
        service: ServiceKey,
        /// The key.
        key: String,
        /// The value; none removes the key.
        value: Option<Value>,
    },
    /// Services that fit, every part that is not given fits all: [`Outcome::Services`].
    FindServices {
        /// The domain.
        domain: Option<String>,
        /// The template.
        name: Option<String>,
        /// The instance.
        instance: Option<String>,
    },
    /// Have a service installed, started, and so on: [`Outcome::Bool`].
    Service {
        /// Which.
        service: ServiceKey,
        /// What is done: a verb of `ays` such as `install`, `start`, `stop`, `restart`, `uninstall`.
        verb: &'static str,
        /// What the service is given to begin with, for a new one.
        args: Vec<(String, Value)>,
    },
    /// What the base class does of the service's own processes: [`Outcome::Bool`].
    OwnProcesses(OwnProcesses),
}

/// What the base class does with the processes that `process.N` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnProcesses {
    /// They are started.
    Start,
    /// They are stopped.
    Stop,
    /// They are killed.
    Halt,
    /// Whether all run.
    AreUp,
    /// Whether none runs.
    AreDown,
}

/// Which service is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceKey {
    /// The one whose recipe it is.
    Own,
    /// The environment, whose values are those of `system.*` and the like.
    System,
    /// Another one.
    Other {
        /// Its domain; none: any.
        domain: Option<String>,
        /// Its template.
        name: String,
        /// Its instance.
        instance: String,
    },
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("this service"),
            Self::System => f.write_str("the environment"),
            Self::Other { domain: Some(domain), name, instance } => write!(f, "{domain}:{name}:{instance}"),
            Self::Other { domain: None, name, instance } => write!(f, "{name}:{instance}"),
        }
    }
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// Only a node can tell, and none was asked: this is a plan. What depends on it is marked so.
    Unknown,
    /// It failed, in one sentence: the recipe gets an exception.
    Failed(String),
    /// Yes or no.
    Bool(bool),
    /// A text.
    Text(String),
    /// The bytes of a file.
    Bytes(Vec<u8>),
    /// A command ended.
    Ran {
        /// Its exit code; 999 where it was ended for taking too long.
        code: i32,
        /// What it wrote.
        stdout: Vec<u8>,
        /// What it wrote of its errors.
        stderr: Vec<u8>,
    },
    /// What is at a path; none: nothing.
    Found(Option<Found>),
    /// Paths.
    Paths(Vec<String>),
    /// Processes.
    Pids(Vec<u32>),
    /// A value of a service; none: it has no such key.
    Value(Option<Value>),
    /// Services.
    Services(Vec<ServiceKey>),
}

impl From<NodeAction> for Action {
    fn from(action: NodeAction) -> Self {
        Self::Node(action)
    }
}

impl From<NodeAnswer> for Outcome {
    fn from(answer: NodeAnswer) -> Self {
        match answer {
            NodeAnswer::Done => Self::Done,
            NodeAnswer::Failed(why) => Self::Failed(why),
            NodeAnswer::Bool(value) => Self::Bool(value),
            NodeAnswer::Text(text) => Self::Text(text),
            NodeAnswer::Bytes(bytes) => Self::Bytes(bytes),
            NodeAnswer::Ran { code, stdout, stderr } => Self::Ran { code, stdout, stderr },
            NodeAnswer::Found(found) => Self::Found(found),
            NodeAnswer::Paths(paths) => Self::Paths(paths),
            NodeAnswer::Pids(pids) => Self::Pids(pids),
        }
    }
}

impl Outcome {
    /// What `registerImage` comes to: a plan must foretell it, so it holds nothing that only the node or the catalogue
    /// knows.
    pub const REGISTERED: Self = Self::Done;
}

impl fmt::Display for Action {
    /// One line for a plan. What is written to a file is counted, not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegisterImage(image) => write!(f, "register {}", image.name),
            Self::Print(line) => write!(f, "print {line}"),
            Self::Sleep(time) => write!(f, "wait {} s", time.as_secs_f64()),
            Self::Node(action) => action.fmt(f),
            Self::Download { url, path, .. } => write!(f, "fetch {url} to {path}"),
            Self::ReadHrd { service, key } => write!(f, "read {key} of {service}"),
            Self::WriteHrd { service, key, value: Some(_) } => write!(f, "set {key} of {service}"),
            Self::WriteHrd { service, key, value: None } => write!(f, "remove {key} of {service}"),
            Self::FindServices { domain, name, instance } => {
                let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
                write!(f, "find services {}:{}:{}", part(domain), part(name), part(instance))
            }
            Self::Service { service, verb, .. } => write!(f, "{verb} {service}"),
            Self::OwnProcesses(verb) => f.write_str(match verb {
                OwnProcesses::Start => "start the service's processes",
                OwnProcesses::Stop => "stop the service's processes",
                OwnProcesses::Halt => "kill the service's processes",
                OwnProcesses::AreUp => "look whether the service's processes run",
                OwnProcesses::AreDown => "look whether the service's processes are gone",
            }),
        }
    }
}
