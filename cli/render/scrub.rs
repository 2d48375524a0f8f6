//! What a scrub found: on a terminal with a bar, as plain lines, or as JSON.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ays_catalogue::{PoolKey, ScrubCopy};
use ays_engine::{Event, Fault, Found, NotHealed, Record, ScrubError, Step, Told};
use ays_model::Node;
use ays_protocol::{Activity, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::counts::{Counts, copies};
use super::{printable_json, quoted, table};
use crate::failure::{Failure, eprint_line, with_causes};

/// Shows what a scrub tells.
pub struct Report<'a> {
    json: bool,
    repo: Option<&'a Path>,
    bar: ProgressBar,
    copies: usize,
    /// Bytes of the copies that are done.
    done: u64,
    /// Bytes of the copy that a node reads now.
    reading: HashMap<String, u64>,
    /// The file that each node was last said to read.
    begun: HashMap<String, String>,
    results: BTreeMap<Verdict, usize>,
}

/// What became of a copy, in the order in which they are counted up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    Healed,
    Missing,
    Damaged,
    Unreadable,
    Unread,
}

/// A copy as `--json` shows it.
#[derive(Serialize)]
struct Line<'a> {
    pool: &'a PoolKey,
    file: &'a str,
    digest: ays_model::Digest,
    size: u64,
    images: &'a [String],
    /// The node that read it.
    node: Option<&'a str>,
    result: Verdict,
    /// The node that it was brought from.
    from: Option<&'a str>,
    /// What is wrong.
    reason: Option<String>,
    /// What brings it from its source.
    command: Option<String>,
}

impl<'a> Report<'a> {
    /// For these copies.
    pub fn new(copies: &[ScrubCopy], json: bool, repo: Option<&'a Path>) -> Self {
        let bar = if json {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(copies.iter().map(|copy| copy.size).sum())
        };
        let template = "  reading [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        let (reading, begun, results) = (HashMap::new(), HashMap::new(), BTreeMap::new());
        Self { json, repo, bar, copies: copies.len(), done: 0, reading, begun, results }
    }

    /// Shows one thing that was told.
    pub fn show(&mut self, told: Told<'_>) {
        if self.json {
            // A reader that went away does not end a scrub.
            let _ = self.event(&told).map_or(Ok(()), |record| table::json_line(&record));
        }
        match told {
            Told::Progress { node, progress, .. } => {
                if progress.activity == Activity::Verify {
                    self.reading.insert(node.to_owned(), progress.done);
                }
            }
            Told::Read { node, copy, found } => {
                self.reading.remove(node);
                self.done += copy.size;
                self.read(node, copy, found);
            }
            Told::Unread { copies, why } => {
                self.done += copies.iter().map(|copy| copy.size).sum::<u64>();
                self.unread(copies, why);
            }
        }
        self.bar.set_position(self.done + self.reading.values().sum::<u64>());
    }

    /// What was told as an event. The copy itself is printed beside it.
    fn event(&mut self, told: &Told<'_>) -> Option<Record> {
        match told {
            Told::Progress { node, copy, progress } => {
                let Progress { activity, done, total } = *progress;
                let what = format!("{}/{}", copy.pool.path, copy.file);
                if self.begun.insert((*node).to_owned(), what.clone()).as_ref() != Some(&what) {
                    let started = Event::StepStarted { step: Step::Scrub, what };
                    let _ = table::json_line(&Record::now(node, started));
                }
                Some(Record::now(node, Event::StepProgress { step: Step::Scrub, activity, done, total }))
            }
            Told::Read { node, found, .. } => {
                let verdict = match found {
                    Found::Good => Verdict::Good,
                    Found::Healed { .. } => Verdict::Healed,
                    Found::Bad { fault, .. } => fault.into(),
                };
                let result = verdict.as_str().to_owned();
                Some(Record::now(node, Event::StepDone { step: Step::Scrub, result }))
            }
            Told::Unread { copies, why } => {
                let node = copies.first().and_then(|copy| copy.pool.node.as_deref()).unwrap_or_default();
                Some(Record::now(node, Event::Warning { message: with_causes(why) }))
            }
        }
    }

    /// Shows how many copies are what.
    pub fn end(self) -> Result<Counts, Failure> {
        self.bar.finish_and_clear();
        let mut counts = Counts::default();
        let mut said = Vec::new();
        for (result, count) in self.results {
            match result {
                Verdict::Good | Verdict::Healed => {}
                Verdict::Missing | Verdict::Damaged | Verdict::Unreadable => counts.bad += count,
                Verdict::Unread => counts.unread += count,
            }
            said.push(format!("{count} {}", result.as_str()));
        }
        if !self.json {
            let copies = copies(self.copies);
            table::line(&if said.is_empty() { copies } else { format!("{copies}: {}", said.join(", ")) })?;
        }
        Ok(counts)
    }

    fn read(&mut self, node: &str, copy: &ScrubCopy, found: &Found) {
        let (result, from, reason) = match found {
            Found::Good => (Verdict::Good, None, None),
            Found::Healed { fault, from } => (Verdict::Healed, Some(from.as_str()), Some(with_causes(fault))),
            Found::Bad { fault, not_healed } => {
                let mut reason = with_causes(fault);
                if let Some(why) = not_healed {
                    reason = format!("{reason}, not healed: {}", with_causes(why));
                }
                (fault.into(), None, Some(reason))
            }
        };
        let is_source_needed = matches!(found, Found::Bad { not_healed: Some(NotHealed::NoGoodCopy), .. });
        let command = is_source_needed.then(|| self.install(node, copy));
        self.count(result, 1);
        if self.json {
            return print_json(&Line { result, node: Some(node), from, reason, command, ..Line::of(copy) });
        }
        let Some(reason) = reason else { return };
        let path = format!("{node}: {}/{} ({})", copy.pool.path, copy.file, copy.images.join(", "));
        let line = match (from, command) {
            (Some(from), _) => format!("{path}: was {reason}, healed from {from}"),
            (None, Some(command)) => format!("{path}: {reason}; from its source: {command}"),
            (None, None) => format!("{path}: {reason}"),
        };
        // A reader that went away does not end a scrub.
        self.bar.suspend(|| _ = table::line(&line));
    }

    fn unread(&mut self, unread: &[ScrubCopy], why: &ScrubError) {
        self.count(Verdict::Unread, unread.len());
        if self.json {
            let reason = with_causes(why);
            for copy in unread {
                print_json(&Line { reason: Some(reason.clone()), ..Line::of(copy) });
            }
            return;
        }
        let Some(PoolKey { name, node, path, .. }) = unread.first().map(|copy| &copy.pool) else { return };
        let on = node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
        let line =
            format!("pool {name}{on}, {path}: {} not read: {}", copies(unread.len()), with_causes(why));
        self.bar.suspend(|| eprint_line(&line));
    }

    fn count(&mut self, result: Verdict, count: usize) {
        *self.results.entry(result).or_default() += count;
    }

    /// The command that brings a copy from its source.
    fn install(&self, node: &str, copy: &ScrubCopy) -> String {
        let mut words = vec!["ays".to_owned(), "install".to_owned(), "-n".to_owned(), quoted(&copy.template)];
        if node != Node::LOCAL {
            words.extend(["--targetname".to_owned(), quoted(node)]);
        }
        if let Some(repo) = self.repo {
            words.extend(["--repo".to_owned(), quoted(&repo.display().to_string())]);
        }
        words.join(" ")
    }
}

impl<'a> Line<'a> {
    /// Of a copy that was not read.
    fn of(copy: &'a ScrubCopy) -> Self {
        let ScrubCopy { pool, file, digest, size, images, .. } = copy;
        let (node, from, reason, command) = (None, None, None, None);
        let result = Verdict::Unread;
        Self { pool, file, digest: *digest, size: *size, images, node, result, from, reason, command }
    }
}

impl From<&Fault> for Verdict {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Missing => Self::Missing,
            Fault::Damaged => Self::Damaged,
            Fault::Unreadable(_) => Self::Unreadable,
        }
    }
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Healed => "healed",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
            Self::Unreadable => "unreadable",
            Self::Unread => "not read",
        }
    }
}

fn print_json(line: &Line<'_>) {
    if let Ok(text) = serde_json::to_string(line) {
        let _ = table::raw(format!("{}\n", printable_json(&text)).as_bytes());
    }
}
