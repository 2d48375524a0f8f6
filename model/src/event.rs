//! What happens while work is done. The terminal, `--json`, the log of a run and a page only render these.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{Digest, ImageName, InstanceName, Md5, NodeName, PoolKey, TemplateName};

/// An event with its time and node: one line of `--json`, and of a run's log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// When, UTC.
    pub time: jiff::Timestamp,
    /// On which node; empty: on none alone.
    pub node: NodeName,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A run begins.
    RunStarted {
        /// The template.
        template: TemplateName,
        /// The instance.
        instance: InstanceName,
        /// The template's checksum.
        checksum: Md5,
        /// The environment's commit.
        commit: Option<String>,
    },
    /// A part of a run begins.
    StepStarted {
        /// Which.
        step: StepName,
        /// On what: an address, an image's name.
        what: String,
    },
    /// A part goes on.
    StepProgress {
        /// Which.
        step: StepName,
        /// How far it has come.
        #[serde(flatten)]
        progress: Progress,
    },
    /// A part has ended well.
    StepDone {
        /// Which.
        step: StepName,
        /// What came of it, for people.
        result: String,
    },
    /// Something that an operator should know.
    Warning {
        /// What.
        message: String,
    },
    /// Another run is at work on the same; this one waits for it.
    Waiting {
        /// Who is at work, and since when.
        message: String,
    },
    /// The run has ended.
    RunFinished {
        /// How.
        result: RunResult,
        /// What it came to, or why it failed.
        message: String,
    },
    /// A scrub begins.
    ScrubStarted {
        /// How many copies will be read.
        copies: usize,
        /// Their lengths together, in bytes.
        bytes: u64,
    },
    /// A scrub is done with a copy.
    CopyChecked(Box<CopyReport>),
    /// A rehearsal is done with a fault.
    FaultRehearsed(FaultReport),
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepName {
    /// The connection, and the helper on the node.
    Connect,
    /// Whether the node can do what follows.
    Check,
    /// One `web.export`.
    Fetch,
    /// One `registerImage`: into the pool and the catalogue.
    Register,
    /// The downloaded file is removed.
    CleanUp,
    /// A content comes into a pool from others.
    Bring,
    /// A copy is read again.
    Scrub,
    /// What a node has is looked at.
    Examine,
    /// Packages are brought.
    Packages,
    /// One `git.export`, or one `git.build`.
    Export,
    /// The processes of a service are ended.
    Stop,
    /// They are started.
    Start,
    /// What a service wrote is removed.
    Uninstall,
    /// Something that a method of the recipe asks for.
    Action,
    /// A line that a method prints.
    Print,
    /// An image goes to a cloud.
    Publish,
}

words!(StepName {
    Connect => "connect",
    Check => "check",
    Fetch => "fetch",
    Register => "register",
    CleanUp => "cleanUp",
    Bring => "bring",
    Scrub => "scrub",
    Examine => "examine",
    Packages => "packages",
    Export => "export",
    Stop => "stop",
    Start => "start",
    Uninstall => "uninstall",
    Action => "action",
    Print => "print",
    Publish => "publish",
});

impl StepName {
    /// For people.
    pub fn shown(self) -> &'static str {
        match self {
            Self::CleanUp => "clean up",
            other => other.as_str(),
        }
    }
}

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is doing now.
    pub activity: Activity,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all, where they are known.
    pub total: Option<u64>,
}

/// What a step is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Receiving a source's bytes.
    Download,
    /// Reading bytes that are on the node, to verify them.
    Verify,
    /// Unpacking the disk in a compressed file or an archive.
    Unpack,
    /// Converting a disk image.
    Convert,
    /// Waiting for the disk to have the bytes.
    Sync,
    /// Sending bytes to a cloud.
    Send,
}

words!(Activity {
    Download => "download",
    Verify => "verify",
    Unpack => "unpack",
    Convert => "convert",
    Sync => "sync",
    Send => "send",
});

/// What a run does with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunAction {
    /// It is installed where it is not.
    Install,
    /// It is installed again, whatever is there (`--reinstall`).
    Reinstall,
    /// Its processes are started.
    Start,
    /// They are ended.
    Stop,
    /// They are ended, and started again.
    Restart,
    /// It is looked whether they are up.
    Status,
    /// The recipe looks whether the service does what it should.
    Monitor,
    /// The recipe prepares the node.
    Prepare,
    /// The recipe puts what was fetched to use.
    Configure,
    /// The recipe builds something.
    Build,
    /// The recipe removes what is not needed any more.
    Cleanup,
    /// The recipe removes the service's data.
    Removedata,
    /// The recipe does what only it knows.
    Execute,
    /// The recipe writes the service's data out.
    Export,
    /// The recipe reads them in.
    Import,
    /// The recipe tries the service.
    Test,
    /// All that was written of it is removed.
    Uninstall,
    /// The same, and its data.
    Reset,
}

words!(RunAction {
    Install => "install",
    Reinstall => "reinstall",
    Start => "start",
    Stop => "stop",
    Restart => "restart",
    Status => "status",
    Monitor => "monitor",
    Prepare => "prepare",
    Configure => "configure",
    Build => "build",
    Cleanup => "cleanup",
    Removedata => "removedata",
    Execute => "execute",
    Export => "export",
    Import => "import",
    Test => "test",
    Uninstall => "uninstall",
    Reset => "reset",
});

impl RunAction {
    /// Whether it only looks.
    pub fn only_looks(self) -> bool {
        matches!(self, Self::Status | Self::Monitor)
    }

    /// Whether those that need others go first.
    pub fn is_backwards(self) -> bool {
        matches!(self, Self::Stop | Self::Uninstall | Self::Reset | Self::Removedata)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunResult {
    /// All was done.
    Installed,
    /// There was nothing to do.
    Unchanged,
    /// What was asked for was done with a service that is installed.
    Done,
    /// A step failed.
    Failed,
    /// The operator stopped it.
    Interrupted,
}

words!(RunResult {
    Installed => "installed",
    Unchanged => "unchanged",
    Done => "done",
    Failed => "failed",
    Interrupted => "interrupted",
});

/// What a scrub found a copy to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyReport {
    /// Where it lies.
    pub pool: PoolKey,
    /// Its file's name in the pool.
    pub file: String,
    /// What it must have.
    pub digest: Digest,
    /// The file's length, in bytes.
    pub size: u64,
    /// The images that stand on it.
    pub images: Vec<ImageName>,
    /// The node that read it.
    pub node: Option<NodeName>,
    /// What it is.
    pub result: CopyVerdict,
    /// The node that it was brought from.
    pub from: Option<NodeName>,
    /// What is wrong, in one line.
    pub reason: Option<String>,
    /// The template that brings it again from its source, where nothing else does.
    pub brought_by: Option<TemplateName>,
}

impl CopyReport {
    /// The file's path on the node.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(&self.pool.path).join(&self.file)
    }
}

/// What became of a copy, in the order in which they are counted up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopyVerdict {
    /// It is as it should be.
    Good,
    /// It was not, and is again.
    Healed,
    /// There is no such file.
    Missing,
    /// It has other bytes.
    Damaged,
    /// It cannot be read to its end.
    Unreadable,
    /// Nobody read it.
    Unread,
}

words!(CopyVerdict {
    Good => "good",
    Healed => "healed",
    Missing => "missing",
    Damaged => "damaged",
    Unreadable => "unreadable",
    Unread => "unread",
});

/// What came of one fault of a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultReport {
    /// The step that went wrong.
    pub step: String,
    /// How.
    pub kind: crate::FaultKind,
    /// How the run with the fault ended, and the two after it.
    pub runs: [String; 3],
    /// What is not as it is without the fault, or was not true at any time; empty when all is well.
    pub wrong: Vec<String>,
}
