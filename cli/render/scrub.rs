//! What a scrub found: on a terminal with a bar, as plain lines, or as JSON.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use ays_model::{
    Activity, CopyReport, CopyVerdict, Event, ImageName, Node, NodeName, Progress, Record, TemplateName,
};
use indicatif::ProgressBar;
use serde::Serialize;

use super::counts::{Counts, copies};
use super::{bytes_bar, printable_json, quoted, table};
use crate::failure::{Failure, eprint_line};

/// Shows what a scrub tells.
pub struct Report {
    json: bool,
    repo: Option<PathBuf>,
    bar: ProgressBar,
    /// Bytes of the copies that are done.
    done: u64,
    /// Bytes of the copy that a node reads now.
    reading: HashMap<NodeName, u64>,
    results: BTreeMap<CopyVerdict, usize>,
}

/// A copy as `--json` shows it.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    report: CopyReport,
    /// What brings it from its source.
    command: Option<String>,
}

impl Report {
    pub fn new(json: bool, repo: Option<PathBuf>) -> Self {
        let bar = bytes_bar("reading", !json);
        Self { json, repo, bar, done: 0, reading: HashMap::new(), results: BTreeMap::new() }
    }

    /// Shows one event. A reader that went away does not end a scrub.
    pub fn show(&mut self, record: Record) {
        let Record { node, event, .. } = &record;
        match event {
            Event::ScrubStarted { bytes, .. } => self.bar.set_length(*bytes),
            Event::StepProgress { progress: Progress { activity: Activity::Verify, done, .. }, .. } => {
                _ = self.reading.insert(node.clone(), *done);
            }
            Event::CopyChecked(report) => {
                self.reading.remove(node);
                self.done += report.size;
                *self.results.entry(report.result).or_default() += 1;
            }
            _ => {}
        }
        match record.event {
            Event::CopyChecked(report) => self.show_copy(*report),
            _ if self.json => _ = table::json_line(&record),
            Event::Warning { message } => {
                self.bar.suspend(|| eprint_line(&format!("warning: {message}")));
            }
            _ => {}
        }
        self.bar.set_position(self.done + self.reading.values().sum::<u64>());
    }

    /// Shows how many copies are what.
    pub fn end(&mut self) -> Result<Counts, Failure> {
        self.bar.finish_and_clear();
        let mut counts = Counts::default();
        let mut said = Vec::new();
        for (result, count) in &self.results {
            let shown = match result {
                CopyVerdict::Good | CopyVerdict::Healed => result.as_str(),
                CopyVerdict::Missing | CopyVerdict::Damaged | CopyVerdict::Unreadable => {
                    counts.bad += count;
                    result.as_str()
                }
                CopyVerdict::Unread => {
                    counts.unread += count;
                    "not read"
                }
            };
            said.push(format!("{count} {shown}"));
        }
        if !self.json {
            let copies = copies(self.results.values().sum());
            table::line(&if said.is_empty() { copies } else { format!("{copies}: {}", said.join(", ")) })?;
        }
        Ok(counts)
    }

    fn show_copy(&self, report: CopyReport) {
        let command = report.brought_by.as_ref().map(|template| self.install(report.node.as_ref(), template));
        if self.json {
            return print_json(&Line { report, command });
        }
        let (Some(node), Some(reason)) = (&report.node, &report.reason) else { return };
        let images: Vec<&str> = report.images.iter().map(ImageName::as_str).collect();
        let path = format!("{node}: {} ({})", report.path().display(), images.join(", "));
        let line = match (&report.from, command) {
            (Some(from), _) => format!("{path}: was {reason}, healed from {from}"),
            (None, Some(command)) => format!("{path}: {reason}; from its source: {command}"),
            (None, None) => format!("{path}: {reason}"),
        };
        self.bar.suspend(|| _ = table::line(&line));
    }

    /// The command that brings a copy from its source.
    fn install(&self, node: Option<&NodeName>, template: &TemplateName) -> String {
        let mut words = vec!["ays".to_owned(), "install".to_owned(), "-n".to_owned(), quoted(template)];
        if let Some(node) = node.filter(|node| **node != Node::LOCAL) {
            words.extend(["--targetname".to_owned(), quoted(node)]);
        }
        if let Some(repo) = &self.repo {
            words.extend(["--repo".to_owned(), quoted(&repo.display().to_string())]);
        }
        words.join(" ")
    }
}

fn print_json(line: &Line) {
    if let Ok(text) = serde_json::to_string(line) {
        let _ = table::raw(format!("{}\n", printable_json(&text)).as_bytes());
    }
}
