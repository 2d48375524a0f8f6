//! The events of one run: to whoever renders them, and, without progress, to the run's log.

use std::io::Write;
use std::path::{Path, PathBuf};

use ays_model::{Event, NodeName, Progress, Record, StepName, TemplateName};

/// Whoever is told what happens.
pub type Tell<'a> = &'a (dyn Fn(Record) + Send + Sync);

/// Tells the warnings that came with a helper's work on a node.
pub(crate) fn tell_warnings(tell: Tell<'_>, node: &NodeName, warnings: &mut Vec<String>) {
    for message in warnings.drain(..) {
        tell(now(node, Event::Warning { message }));
    }
}

/// What happens now.
pub fn now(node: &NodeName, event: Event) -> Record {
    Record { time: jiff::Timestamp::now(), node: node.clone(), event }
}

/// Where the events of one run go.
pub(crate) struct Events<'a> {
    node: NodeName,
    path: PathBuf,
    log: std::fs::File,
    tell: Tell<'a>,
}

impl<'a> Events<'a> {
    /// Begins the log of a run in `dir`.
    pub fn begin(
        dir: &Path,
        template: &TemplateName,
        node: &NodeName,
        tell: Tell<'a>,
    ) -> Result<Self, (PathBuf, std::io::Error)> {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ").to_string();
        let path = dir.join(format!("{time}-{template}-{node}.jsonl"));
        let log = std::fs::create_dir_all(dir).and_then(|()| std::fs::File::create(&path));
        match log {
            Ok(log) => Ok(Self { node: node.clone(), path, log, tell }),
            Err(error) => Err((path, error)),
        }
    }

    /// The log.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn send(&mut self, event: Event) {
        let record = now(&self.node, event);
        if !matches!(record.event, Event::StepProgress { .. }) {
            let line = serde_json::to_string(&record).unwrap_or_default();
            // A log that cannot be written (a full disk) stops no install; the renderer still has the event.
            let _ = writeln!(self.log, "{line}");
        }
        (self.tell)(record);
    }

    pub fn start(&mut self, step: StepName, what: impl Into<String>) {
        self.send(Event::StepStarted { step, what: what.into() });
    }

    pub fn done(&mut self, step: StepName, result: impl Into<String>) {
        self.send(Event::StepDone { step, result: result.into() });
    }

    pub fn progress(&mut self, step: StepName) -> impl FnMut(Progress) {
        move |progress| self.send(Event::StepProgress { step, progress })
    }
}
