//! What a run tells while it works. The terminal, `--json` and the log of a run only render these.

use std::io::Write;
use std::path::{Path, PathBuf};

use ays_protocol::{Activity, Progress};
use serde::Serialize;

/// An event with its time and node: one line of `--json`, and of a run's log.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// When, UTC.
    pub time: jiff::Timestamp,
    /// On which node.
    pub node: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Record {
    /// Of what happens now.
    pub fn now(node: &str, event: Event) -> Self {
        Self { time: jiff::Timestamp::now(), node: node.to_owned(), event }
    }
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
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
    /// A copy is read again.
    Scrub,
    /// What a node has is looked at.
    Examine,
}

impl Step {
    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Check => "check",
            Self::Fetch => "fetch",
            Self::Register => "register",
            Self::CleanUp => "clean up",
            Self::Scrub => "scrub",
            Self::Examine => "examine",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RunResult {
    /// All was done.
    Installed,
    /// There was nothing to do.
    Unchanged,
    /// A step failed.
    Failed,
    /// The operator stopped it.
    Interrupted,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A run begins.
    RunStarted {
        /// The template.
        template: String,
        /// The instance.
        instance: String,
        /// The template's checksum.
        checksum: String,
        /// The environment's commit.
        commit: Option<String>,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: Step,
        /// On what: an address, an image's name.
        what: String,
    },
    /// A step goes on.
    StepProgress {
        /// Which.
        step: Step,
        /// What it is busy with.
        activity: Activity,
        /// Bytes done.
        done: u64,
        /// Bytes in all, where they are known.
        total: Option<u64>,
    },
    /// A step has ended well.
    StepDone {
        /// Which.
        step: Step,
        /// What came of it.
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
}

/// Where the events of one run go: to whoever renders them, and, without progress, to the run's log.
pub(crate) struct Events<'a> {
    node: String,
    log: std::fs::File,
    render: &'a (dyn Fn(&Record) + Send + Sync),
}

impl<'a> Events<'a> {
    /// Begins the log of a run in `dir`.
    pub fn begin(
        dir: &Path,
        template: &str,
        node: &str,
        render: &'a (dyn Fn(&Record) + Send + Sync),
    ) -> Result<Self, (PathBuf, std::io::Error)> {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ").to_string();
        let path = dir.join(format!("{time}-{template}-{node}.jsonl"));
        let log = std::fs::create_dir_all(dir).and_then(|()| std::fs::File::create(&path));
        Ok(Self { node: node.to_owned(), log: log.map_err(|error| (path, error))?, render })
    }

    pub fn send(&mut self, event: Event) {
        let record = Record { time: jiff::Timestamp::now(), node: self.node.clone(), event };
        if !matches!(record.event, Event::StepProgress { .. }) {
            let line = serde_json::to_string(&record).unwrap_or_default();
            // A log that cannot be written (a full disk) stops no install; the renderer still has the event.
            let _ = writeln!(self.log, "{line}");
        }
        (self.render)(&record);
    }

    pub fn start(&mut self, step: Step, what: impl Into<String>) {
        self.send(Event::StepStarted { step, what: what.into() });
    }

    pub fn done(&mut self, step: Step, result: impl Into<String>) {
        self.send(Event::StepDone { step, result: result.into() });
    }

    pub fn progress(&mut self, step: Step) -> impl FnMut(Progress) {
        move |Progress { activity, done, total }| {
            self.send(Event::StepProgress { step, activity, done, total });
        }
    }
}
