//! What a recipe wants done, as plain data: the whole of what an `actions.py` can do to the world.

use std::fmt;
use std::time::Duration;

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
    /// Run a command on the node: [`Outcome::Ran`], whatever its exit code is.
    Execute(Execute),
    /// Something with a file or directory of the node.
    File(FileAction),
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
    /// Packages of the node's own package manager: [`Outcome::Done`].
    Packages {
        /// What is done.
        verb: PackageVerb,
        /// Which.
        names: Vec<String>,
    },
    /// A service of the node's init system: [`Outcome::Done`], for [`UnitVerb::IsActive`] [`Outcome::Bool`].
    Unit {
        /// What is done.
        verb: UnitVerb,
        /// Its name.
        name: String,
    },
    /// A user of the node, made where it is not there: [`Outcome::Done`].
    User {
        /// Its name.
        name: String,
        /// Its first group, which must be there.
        group: Option<String>,
        /// Its home.
        home: Option<String>,
        /// Its shell.
        shell: Option<String>,
        /// Its password in clear.
        password: Option<String>,
    },
    /// A group of the node, made where it is not there: [`Outcome::Done`].
    Group {
        /// Its name.
        name: String,
    },
    /// The numbers of running processes: [`Outcome::Pids`].
    Pids(Processes),
    /// End processes by a signal: [`Outcome::Done`], also where there are none.
    Kill {
        /// Which.
        processes: Processes,
        /// The signal's number.
        signal: u8,
    },
    /// Whether a TCP port can be connected to from the node, or cannot, within a time: [`Outcome::Bool`].
    Port {
        /// A name or address.
        host: String,
        /// The port.
        port: u16,
        /// Whether something must listen there, or nothing.
        open: bool,
        /// How long is waited for it.
        timeout: Duration,
    },
    /// What the node is: [`Outcome::Text`].
    Fact(Fact),
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

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execute {
    /// What is run.
    pub command: Command,
    /// The directory that it runs in.
    pub cwd: Option<String>,
    /// Variables that it has beside the node's own.
    pub env: Vec<(String, String)>,
    /// Whose it is: the login of the connection where none is given.
    pub user: Option<String>,
    /// When it is ended. Its exit code is 999 then, as JumpScale says it.
    pub timeout: Option<Duration>,
    /// Whether it outlives the method: nothing is waited for, and it has no output.
    pub background: bool,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A text for `bash`, as JumpScale ran it.
    Shell(String),
    /// A program and its arguments.
    Arguments(Vec<String>),
}

/// Something with a file or directory of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAction {
    /// What is at a path: [`Outcome::Found`].
    Look {
        /// The path.
        path: String,
        /// Whether it is of what a link points to.
        follow: bool,
    },
    /// The bytes of a file: [`Outcome::Bytes`].
    Read {
        /// The file.
        path: String,
    },
    /// Give a file its bytes: [`Outcome::Done`].
    Write {
        /// The file. Its directory must be there.
        path: String,
        /// Its bytes.
        content: Vec<u8>,
        /// Whether they go behind those that it has.
        append: bool,
    },
    /// What is in a directory: [`Outcome::Paths`], sorted, each with the directory before it.
    List {
        /// The directory.
        path: String,
        /// Whether directories in it are gone through, too.
        recursive: bool,
        /// Whether files are listed.
        files: bool,
        /// Whether directories are listed.
        directories: bool,
        /// A pattern with `*`, `?` and `[..]` that the last part of a path must fit.
        filter: Option<String>,
    },
    /// Make a directory and its parents; one that is there is no failure: [`Outcome::Done`].
    CreateDir {
        /// The directory.
        path: String,
    },
    /// Copy a file, or a directory with all in it, into what is there: [`Outcome::Done`]. A file is copied into `to`
    /// where that is a directory.
    Copy {
        /// What is copied.
        from: String,
        /// Where to.
        to: String,
        /// Whether files that are there are replaced.
        overwrite: bool,
        /// Whether links stay links.
        keep_links: bool,
    },
    /// Move a file or directory: [`Outcome::Done`].
    Move {
        /// What is moved.
        from: String,
        /// Where to.
        to: String,
    },
    /// Remove a file, a link, or a directory with all in it; what is not there is no failure: [`Outcome::Done`].
    Remove {
        /// The path.
        path: String,
        /// Whether a directory that is not empty is a failure.
        only_empty: bool,
    },
    /// Make a symbolic link, and the directory that it lies in: [`Outcome::Done`].
    Link {
        /// What it points to.
        target: String,
        /// Where it lies.
        path: String,
        /// Whether what is there goes.
        replace: bool,
    },
    /// Where a link points to: [`Outcome::Text`].
    ReadLink {
        /// The link.
        path: String,
    },
    /// Set the permissions: [`Outcome::Done`].
    Chmod {
        /// The path.
        path: String,
        /// The permissions' bits.
        mode: u32,
        /// Whether all in a directory gets them, too.
        recursive: bool,
    },
    /// Set the owner: [`Outcome::Done`].
    Chown {
        /// The path.
        path: String,
        /// The user.
        user: String,
        /// The group; none: the user's own.
        group: Option<String>,
        /// Whether all in a directory gets it, too.
        recursive: bool,
    },
    /// Unpack a tar archive, compressed or not, into a directory that is made: [`Outcome::Done`].
    Unpack {
        /// The archive.
        archive: String,
        /// The directory.
        to: String,
        /// Whether all that is in the directory goes before.
        clean: bool,
    },
    /// Pack a directory into a `.tar.gz`: [`Outcome::Done`].
    Pack {
        /// The directory.
        from: String,
        /// The archive.
        archive: String,
    },
}

/// What is done with packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageVerb {
    /// They are installed where they are not.
    Install,
    /// They are removed where they are installed.
    Remove,
    /// The list of what there is, is fetched again; no names.
    Update,
    /// All that are installed are brought up to date; no names.
    Upgrade,
}

/// What is done with a service of the init system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitVerb {
    /// It is started.
    Start,
    /// It is stopped.
    Stop,
    /// It is started again.
    Restart,
    /// It reads its configuration again.
    Reload,
    /// It is started when the node starts.
    Enable,
    /// It is not started when the node starts.
    Disable,
    /// Whether it runs.
    IsActive,
}

/// Running processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Processes {
    /// One, by its number.
    Pid(u32),
    /// Those that listen on a TCP port.
    OnPort(u16),
    /// Those whose command line holds a text.
    Matching(String),
    /// Those of a program, by its name.
    Named(String),
}

/// Something about the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Its platform, such as `ubuntu64`.
    Platform,
    /// Its name.
    Hostname,
    /// Its IPv4 addresses, one a line.
    Addresses,
    /// Its network interfaces, one a line.
    Interfaces,
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

impl Outcome {
    /// What `registerImage` comes to: a plan must foretell it, so it holds nothing that only the node or the catalogue
    /// knows.
    pub const REGISTERED: Self = Self::Done;
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Of what kind it is.
    pub kind: FileKind,
    /// How many bytes it has.
    pub size: u64,
    /// Its permissions' bits.
    pub mode: u32,
}

/// Of what kind something at a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Anything else.
    Other,
}

impl fmt::Display for Action {
    /// One line for a plan. What is written to a file is counted, not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegisterImage(image) => write!(f, "register {}", image.name),
            Self::Print(line) => write!(f, "print {line}"),
            Self::Sleep(time) => write!(f, "wait {} s", time.as_secs_f64()),
            Self::Execute(execute) => write!(f, "run {}", execute.command),
            Self::File(action) => action.fmt(f),
            Self::Download { url, path, .. } => write!(f, "fetch {url} to {path}"),
            Self::Packages { verb, names } => {
                let verb = match verb {
                    PackageVerb::Install => "install packages",
                    PackageVerb::Remove => "remove packages",
                    PackageVerb::Update => "fetch the lists of packages",
                    PackageVerb::Upgrade => "upgrade packages",
                };
                write!(f, "{verb} {}", names.join(" "))
            }
            Self::Unit { verb, name } => {
                let verb = match verb {
                    UnitVerb::Start => "start",
                    UnitVerb::Stop => "stop",
                    UnitVerb::Restart => "restart",
                    UnitVerb::Reload => "reload",
                    UnitVerb::Enable => "enable",
                    UnitVerb::Disable => "disable",
                    UnitVerb::IsActive => "look for",
                };
                write!(f, "{verb} {name}")
            }
            Self::User { name, .. } => write!(f, "make user {name}"),
            Self::Group { name } => write!(f, "make group {name}"),
            Self::Pids(processes) => write!(f, "look for {processes}"),
            Self::Kill { processes, signal } => write!(f, "end {processes} by signal {signal}"),
            Self::Port { host, port, open, .. } => {
                write!(f, "wait for {host}:{port} {}", if *open { "to listen" } else { "to be closed" })
            }
            Self::Fact(fact) => write!(
                f,
                "ask the node for its {}",
                match fact {
                    Fact::Platform => "platform",
                    Fact::Hostname => "name",
                    Fact::Addresses => "addresses",
                    Fact::Interfaces => "interfaces",
                }
            ),
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

impl fmt::Display for FileAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Look { path, .. } => write!(f, "look at {path}"),
            Self::Read { path } => write!(f, "read {path}"),
            Self::Write { path, content, append } => {
                let verb = if *append { "append to" } else { "write" };
                write!(f, "{verb} {path} ({} bytes)", content.len())
            }
            Self::List { path, .. } => write!(f, "list {path}"),
            Self::CreateDir { path } => write!(f, "make directory {path}"),
            Self::Copy { from, to, .. } => write!(f, "copy {from} to {to}"),
            Self::Move { from, to } => write!(f, "move {from} to {to}"),
            Self::Remove { path, .. } => write!(f, "remove {path}"),
            Self::Link { target, path, .. } => write!(f, "link {path} to {target}"),
            Self::ReadLink { path } => write!(f, "read link {path}"),
            Self::Chmod { path, mode, .. } => write!(f, "set permissions of {path} to {mode:o}"),
            Self::Chown { path, user, group: Some(group), .. } => {
                write!(f, "set owner of {path} to {user}:{group}")
            }
            Self::Chown { path, user, group: None, .. } => write!(f, "set owner of {path} to {user}"),
            Self::Unpack { archive, to, .. } => write!(f, "unpack {archive} to {to}"),
            Self::Pack { from, archive } => write!(f, "pack {from} to {archive}"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell(text) => f.write_str(text.trim()),
            Self::Arguments(words) => f.write_str(&words.join(" ")),
        }
    }
}

impl fmt::Display for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "process {pid}"),
            Self::OnPort(port) => write!(f, "processes on port {port}"),
            Self::Matching(text) => write!(f, "processes like `{text}`"),
            Self::Named(name) => write!(f, "processes named {name}"),
        }
    }
}
