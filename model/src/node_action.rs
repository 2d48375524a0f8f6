//! What a recipe has done on a node, as plain data, and what came of it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::words;

/// One thing that is done on a node. Each says which [`NodeAnswer`] it gets; [`NodeAnswer::Failed`] answers any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum NodeAction {
    /// Run a command: [`NodeAnswer::Ran`], whatever its exit code is.
    Execute(Execute),
    /// Something with a file or directory.
    File(FileAction),
    /// Packages of the node's own package manager: [`NodeAnswer::Done`].
    Packages {
        /// What is done.
        verb: PackageVerb,
        /// Which.
        names: Vec<String>,
    },
    /// A service of the node's init system: [`NodeAnswer::Done`], for [`UnitVerb::IsActive`] [`NodeAnswer::Bool`].
    Unit {
        /// What is done.
        verb: UnitVerb,
        /// Its name.
        name: String,
    },
    /// A user, made where it is not there: [`NodeAnswer::Done`].
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
    /// A group, made where it is not there: [`NodeAnswer::Done`].
    Group {
        /// Its name.
        name: String,
    },
    /// The numbers of running processes: [`NodeAnswer::Pids`].
    Pids(Processes),
    /// End processes by a signal: [`NodeAnswer::Done`], also where there are none.
    Kill {
        /// Which.
        processes: Processes,
        /// The signal's number.
        signal: u8,
    },
    /// Whether a TCP port can be connected to from the node, or cannot, within a time: [`NodeAnswer::Bool`].
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
    /// What the node is: [`NodeAnswer::Text`].
    Fact(Fact),
}

/// What became of a [`NodeAction`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeAnswer {
    /// It is done.
    Done,
    /// It failed, in one sentence.
    Failed(String),
    /// Yes or no.
    Bool(bool),
    /// A text.
    Text(String),
    /// The bytes of a file.
    Bytes(#[serde(with = "bytes")] Vec<u8>),
    /// A command ended.
    Ran {
        /// Its exit code; 999 where it was ended for taking too long.
        code: i32,
        /// What it wrote.
        #[serde(with = "bytes")]
        stdout: Vec<u8>,
        /// What it wrote of its errors.
        #[serde(with = "bytes")]
        stderr: Vec<u8>,
    },
    /// What is at a path; none: nothing.
    Found(Option<Found>),
    /// Paths.
    Paths(Vec<String>),
    /// Processes.
    Pids(Vec<u32>),
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A text for `bash`, as JumpScale ran it.
    Shell(String),
    /// A program and its arguments.
    Arguments(Vec<String>),
}

/// Something with a file or directory of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileAction {
    /// What is at a path: [`NodeAnswer::Found`].
    Look {
        /// The path.
        path: String,
        /// Whether it is of what a link points to.
        follow: bool,
    },
    /// The bytes of a file: [`NodeAnswer::Bytes`].
    Read {
        /// The file.
        path: String,
    },
    /// Give a file its bytes: [`NodeAnswer::Done`].
    Write {
        /// The file. Its directory must be there.
        path: String,
        /// Its bytes.
        #[serde(with = "bytes")]
        content: Vec<u8>,
        /// Whether they go behind those that it has.
        append: bool,
    },
    /// What is in a directory: [`NodeAnswer::Paths`], sorted, each with the directory before it.
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
    /// Make a directory and its parents; one that is there is no failure: [`NodeAnswer::Done`].
    CreateDir {
        /// The directory.
        path: String,
    },
    /// Copy a file, or a directory with all in it, into what is there: [`NodeAnswer::Done`]. A file is copied into `to`
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
    /// Move a file or directory: [`NodeAnswer::Done`].
    Move {
        /// What is moved.
        from: String,
        /// Where to.
        to: String,
    },
    /// Remove a file, a link, or a directory with all in it; what is not there is no failure: [`NodeAnswer::Done`].
    Remove {
        /// The path.
        path: String,
        /// Whether a directory that is not empty is a failure.
        only_empty: bool,
    },
    /// Make a symbolic link, and the directory that it lies in: [`NodeAnswer::Done`].
    Link {
        /// What it points to.
        target: String,
        /// Where it lies.
        path: String,
        /// Whether what is there goes.
        replace: bool,
    },
    /// Where a link points to: [`NodeAnswer::Text`].
    ReadLink {
        /// The link.
        path: String,
    },
    /// Set the permissions: [`NodeAnswer::Done`].
    Chmod {
        /// The path.
        path: String,
        /// The permissions' bits.
        mode: u32,
        /// Whether all in a directory gets them, too.
        recursive: bool,
    },
    /// Set the owner: [`NodeAnswer::Done`].
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
    /// Unpack a tar archive, compressed or not, into a directory that is made: [`NodeAnswer::Done`].
    Unpack {
        /// The archive.
        archive: String,
        /// The directory.
        to: String,
        /// Whether all that is in the directory goes before.
        clean: bool,
    },
    /// Pack a directory into a `.tar.gz`: [`NodeAnswer::Done`].
    Pack {
        /// The directory.
        from: String,
        /// The archive.
        archive: String,
    },
}

/// What is done with packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

words!(UnitVerb {
    Start => "start",
    Stop => "stop",
    Restart => "restart",
    Reload => "reload",
    Enable => "enable",
    Disable => "disable",
    IsActive => "is-active",
});

/// Running processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Of what kind it is.
    pub kind: FileKind,
    /// How many bytes it has.
    pub size: u64,
    /// Its permissions' bits.
    pub mode: u32,
}

/// Of what kind something at a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

impl fmt::Display for NodeAction {
    /// One line for a plan. What is written to a file is counted, not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Execute(execute) => write!(f, "run {}", execute.command),
            Self::File(action) => action.fmt(f),
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
                let verb = if *verb == UnitVerb::IsActive { "look for" } else { verb.as_str() };
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

/// Bytes, which are mostly a text: as one where they can be.
mod bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    enum Bytes<'a> {
        Text(std::borrow::Cow<'a, str>),
        Binary(std::borrow::Cow<'a, [u8]>),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Bytes::Text(text.into()),
            Err(_) => Bytes::Binary(bytes.into()),
        }
        .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Ok(match Bytes::deserialize(deserializer)? {
            Bytes::Text(text) => text.into_owned().into_bytes(),
            Bytes::Binary(bytes) => bytes.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_text_is_written_as_one() {
        for (content, written) in
            [(&b"a\"b"[..], r#"{"Text":"a\"b"}"#), (&[255, 0][..], r#"{"Binary":[255,0]}"#)]
        {
            let write = FileAction::Write { path: "/x".to_owned(), content: content.to_vec(), append: false };
            let text = serde_json::to_string(&NodeAction::File(write.clone())).unwrap();
            assert!(text.contains(written), "{text}");
            assert_eq!(serde_json::from_str::<NodeAction>(&text).unwrap(), NodeAction::File(write));
        }
    }
}
