//! A service on a node: what an install wrote there, its processes, its files from git, its packages.

use std::fmt;
use std::path::PathBuf;

use ays_model::{NodeAction, SecretUrl, Sha256};
use serde::{Deserialize, Serialize};

use crate::Secret;

/// See [`crate::Step::Note`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// The service, a plain file name: `<domain>__<template>__<instance>`.
    pub service: String,
    /// The files that will be written.
    pub paths: Vec<PathBuf>,
}

/// See [`crate::Step::Act`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Act {
    /// The service, a plain file name; none: nothing is noted of what is written.
    pub service: Option<String>,
    /// What is done. It may hold secrets.
    pub action: Hidden<NodeAction>,
}

/// What no output shows.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden<T>(pub T);

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The most bytes of a file that an action reads, and of each output of a command that is given back: what is more of that
/// is left out. A byte may take six in a frame, which has to hold both outputs.
pub const MOST_BYTES: usize = 256 << 10;

/// See [`crate::Step::Processes`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Processes {
    /// The service, a plain file name.
    pub service: String,
    /// What to do.
    pub act: ProcessAct,
    /// Its processes, in the order in which they are started.
    pub processes: Vec<ProcessOrder>,
}

/// What is done with processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessAct {
    /// They are looked at.
    Look,
    /// Those that do not run are started, one after the other; each is waited for.
    Start,
    /// They are asked to end, the last one first.
    Stop,
    /// They are ended, and whatever was found of them.
    Halt,
}

/// A process of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessOrder {
    /// Its name within the service, a plain file name.
    pub name: String,
    /// What systemd calls it, without `.service`.
    pub unit: String,
    /// What it is, for systemd's list.
    pub description: String,
    /// The script for `/bin/sh` that becomes the process.
    pub script: SecretText,
    /// The user that it runs as; none: root.
    pub user: Option<String>,
    /// The TCP ports that it listens at when it is up.
    pub ports: Vec<u16>,
    /// The addresses (http, https) that answer well when it is up.
    pub urls: Vec<SecretUrl>,
    /// A part of the command lines of its processes, wherever they were started.
    pub filter: Option<String>,
    /// How long it may take to come up, in seconds.
    pub start_seconds: u64,
    /// How long it may take to end by itself, in seconds.
    pub stop_seconds: u64,
}

/// A [`Secret`] that can be compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(pub Secret);

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

impl Eq for SecretText {}

/// What a process was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessSeen {
    /// Its name.
    pub name: String,
    /// Whether anything of it runs.
    pub runs: bool,
    /// The number of its first process.
    pub pid: Option<u32>,
    /// How often it was started again after it had failed.
    pub restarts: u32,
    /// Its ports where nobody listens.
    pub silent_ports: Vec<u16>,
    /// Its addresses that give no good answer.
    pub silent_urls: Vec<String>,
    /// Who watches over it.
    pub manager: ProcessManager,
}

impl ProcessSeen {
    /// Whether it runs, listens at all of its ports, and answers at all of its addresses.
    pub fn is_up(&self) -> bool {
        self.runs && self.silent_ports.is_empty() && self.silent_urls.is_empty()
    }
}

/// `web: runs (12), nobody listens at 80`.
impl fmt::Display for ProcessSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.pid.filter(|_| self.runs) {
            Some(pid) => write!(f, ": runs ({pid})")?,
            None if self.runs => f.write_str(": is being started again")?,
            None => f.write_str(": does not run")?,
        }
        if self.runs && !self.silent_ports.is_empty() {
            let ports: Vec<_> = self.silent_ports.iter().map(u16::to_string).collect();
            write!(f, ", nobody listens at {}", ports.join(", "))?;
        }
        if self.runs && !self.silent_urls.is_empty() {
            write!(f, ", no good answer from {}", self.silent_urls.join(", "))?;
        }
        match self.restarts {
            0 => Ok(()),
            1 => f.write_str(", started again once"),
            times => write!(f, ", started again {times} times"),
        }
    }
}

/// Who watches over a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProcessManager {
    /// systemd, by a unit.
    Systemd,
    /// A process of ours.
    Supervisor,
}

/// See [`crate::Step::CompareTree`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tree {
    /// The service, a plain file name.
    pub service: String,
    /// What the controller calls it: no other tree of the service is called so.
    pub name: String,
    /// The directory of the tree, or the file that it is.
    pub dest: PathBuf,
    /// What is in it, directories left out.
    pub entries: Vec<TreeEntry>,
    /// A file with other bytes is replaced; else it stays as it is.
    pub overwrite: bool,
    /// All trees of the service: others are of an earlier version of it, and are removed.
    pub trees: Vec<String>,
    /// Links to what was written, each with what it leads to.
    pub links: Vec<(PathBuf, PathBuf)>,
}

/// A file, or a link, of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Where it lies below the tree's directory; empty: it is the tree.
    pub path: PathBuf,
    /// What it is.
    pub kind: TreeKind,
    /// Of its bytes; of a link: of what it leads to.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TreeKind {
    /// A file.
    File,
    /// A program.
    Program,
    /// A symbolic link.
    Link,
}

/// See [`crate::Step::WritePart`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TreePart {
    /// The directory of the tree, or the file that it is.
    pub dest: PathBuf,
    /// The entry.
    pub entry: TreeEntry,
    /// Where these bytes belong in it.
    pub offset: u64,
    /// The bytes, in base64. With the last of them it gets its name.
    pub bytes: Secret,
}

/// The most bytes of a file in one [`TreePart`].
pub const TREE_PART: usize = 2 << 20;

/// See [`crate::Step::InstallPackages`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstallPackages {
    /// The service, a plain file name.
    pub service: String,
    /// Lines of apt's sources.
    pub sources: Vec<String>,
    /// Files with the keys that these are signed by, which were fetched.
    pub keys: Vec<PathBuf>,
    /// Whether apt's lists are brought up to date in any case.
    pub update: bool,
    /// Whether all packages of the node are brought up to date.
    pub upgrade: bool,
    /// The packages' names.
    pub names: Vec<String>,
}

/// See [`crate::Step::RemoveService`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedService {
    /// What was removed.
    pub removed: Vec<PathBuf>,
    /// Directories that stay, since somebody else's files are in them.
    pub kept: Vec<PathBuf>,
    /// Files that stay as they are, since somebody has changed them behind the service.
    pub changed: Vec<PathBuf>,
    /// The packages that were removed.
    pub packages: Vec<String>,
    /// Packages that stay, since what is not of the service needs them.
    #[serde(default)]
    pub kept_packages: Vec<String>,
}
