//! The events of a run: on a terminal with a bar, as plain lines, as JSON, or not at all.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use ays_model::{Activity, Event, NodeName, Progress, Record, RunResult, StepName};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{printable, printable_json, units};
use crate::failure::eprint_line;

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For people: every step of one node.
    Steps,
    /// For people: how each of many nodes ended.
    Summary,
    /// Warnings and errors only.
    Quiet,
    /// One JSON object a line.
    Json,
}

/// Shows the events of a rollout.
pub struct Renderer {
    style: Style,
    bars: MultiProgress,
    nodes: HashMap<NodeName, OnNode>,
}

/// What is shown of one node.
struct OnNode {
    title: String,
    begun: Instant,
    bar: Option<ProgressBar>,
    activity: Option<Ongoing>,
    /// The connection is told of only when something is done over it.
    connected: Option<String>,
}

/// The activity that progress is being told of.
struct Ongoing {
    step: StepName,
    activity: Activity,
    since: Instant,
    from: u64,
    told: Instant,
}

impl Ongoing {
    /// Bytes a second since it began.
    fn rate(&self, done: u64) -> f64 {
        let seconds = self.since.elapsed().as_secs_f64();
        if seconds < 0.2 { 0.0 } else { done.saturating_sub(self.from) as f64 / seconds }
    }
}

/// How often progress is told where there is no terminal.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How many bars are shown at once: more do not fit on a terminal.
const MOST_BARS: usize = 16;

/// What there is to say of work that is no run.
pub fn say(Record { node, event, .. }: &Record) {
    match event {
        Event::Warning { message } if node.is_empty() => eprint_line(&format!("warning: {message}")),
        Event::Warning { message } => eprint_line(&format!("warning: {node}: {message}")),
        Event::Waiting { message } => eprint_line(&format!("waiting: {message}")),
        _ => {}
    }
}

impl Renderer {
    pub fn new(style: Style) -> Self {
        Self {
            style,
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            nodes: HashMap::new(),
        }
    }

    /// Shows one event.
    pub fn show(&mut self, record: &Record) {
        match self.style {
            Style::Json => {
                if let Ok(line) = serde_json::to_string(record) {
                    write_line(&printable_json(&line));
                }
            }
            Style::Quiet => {
                if let Event::Warning { message } = &record.event {
                    eprint_line(&format!("warning: {message}"));
                }
            }
            Style::Steps | Style::Summary => self.tell(record),
        }
    }

    fn tell(&mut self, record: &Record) {
        if let Event::RunStarted { template, instance, .. } = &record.event {
            let title = match self.style {
                Style::Summary => record.node.to_string(),
                // Its instance is the image.
                _ if template.is_by_hand() => format!("{instance} on {}", record.node),
                _ => format!("{template} on {}", record.node),
            };
            let begun = Instant::now();
            let node = OnNode { title, begun, bar: None, activity: None, connected: None };
            self.nodes.insert(record.node.clone(), node);
        }
        // Work that is no run begins with a step.
        if let Event::StepStarted { .. } = &record.event {
            self.nodes.entry(record.node.clone()).or_insert_with(|| OnNode {
                title: record.node.to_string(),
                begun: Instant::now(),
                bar: None,
                activity: None,
                connected: None,
            });
        }
        let shown = self.nodes.values().filter(|node| node.bar.is_some()).count();
        let Some(node) = self.nodes.get_mut(&record.node) else {
            self.bars.suspend(|| say(record));
            return;
        };
        if let Event::StepProgress { step, progress } = &record.event {
            let line = node.progress(*step, *progress, (&self.bars, shown < MOST_BARS));
            // Many nodes' progress is no news for a log.
            if let Some(line) = line.filter(|_| self.style == Style::Steps) {
                print_line(&line);
            }
            return;
        }
        node.activity = None;
        if let Some(bar) = node.bar.take() {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        let lines = node.lines(&record.event, self.style);
        self.bars.suspend(|| {
            lines.iter().for_each(|line| print_line(line));
            match &record.event {
                Event::Warning { message } if self.style == Style::Summary => {
                    eprint_line(&format!("warning: {}: {message}", record.node));
                }
                Event::Warning { message } => eprint_line(&format!("warning: {message}")),
                _ => {}
            }
        });
    }
}

impl OnNode {
    /// The lines that tell of an event.
    fn lines(&mut self, event: &Event, style: Style) -> Vec<String> {
        let took = units::seconds(self.begun.elapsed().as_secs());
        let title = &self.title;
        if let Event::Waiting { message } = event {
            return vec![format!("{title}: waiting: {message}")];
        }
        if let Event::RunFinished { result, message } = event {
            let mut lines: Vec<String> =
                self.connected.take_if(|_| *result != RunResult::Unchanged).into_iter().collect();
            lines.extend(match (result, style) {
                (RunResult::Installed, _) => Some(format!("{title}: installed in {took}")),
                (RunResult::Unchanged, _) => Some(format!("{title}: nothing to do, it is installed")),
                (RunResult::Done, _) => Some(format!("{title}: {message} in {took}")),
                (RunResult::Failed, Style::Summary) => Some(format!("{title}: FAILED: {message}")),
                (RunResult::Interrupted, Style::Summary) => Some(format!("{title}: interrupted")),
                // The error itself is printed at the end.
                (RunResult::Failed | RunResult::Interrupted, _) => None,
            });
            return lines;
        }
        if style == Style::Summary {
            return Vec::new();
        }
        let mut lines: Vec<String> = self.connected.take().into_iter().collect();
        match event {
            Event::StepStarted { step: step @ (StepName::Fetch | StepName::Register), what } => {
                lines.push(format!("{title}: {}: {what}", step.shown()));
            }
            Event::StepDone { step: StepName::Connect, result } => {
                self.connected = Some(format!("{title}: connect: {result}"));
            }
            Event::StepDone { step, result } => lines.push(format!("{title}: {}: {result}", step.shown())),
            _ => {}
        }
        lines
    }

    /// Moves the bar, where there is a terminal; else, now and then, a line.
    fn progress(
        &mut self,
        step: StepName,
        Progress { activity, done, total }: Progress,
        (bars, has_room): (&MultiProgress, bool),
    ) -> Option<String> {
        let now = Instant::now();
        if self.activity.as_ref().is_none_or(|ongoing| (ongoing.step, ongoing.activity) != (step, activity)) {
            self.activity = Some(Ongoing { step, activity, since: now, from: done, told: now });
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
                bars.remove(&bar);
            }
        }
        let ongoing = self.activity.as_mut()?;
        if std::io::stderr().is_terminal() {
            if self.bar.is_some() || has_room {
                let title = &self.title;
                let bar = self.bar.get_or_insert_with(|| {
                    let bar = bars.add(bar(title, activity, total));
                    // What was there before it began is no part of its rate.
                    bar.set_position(done);
                    bar.reset_eta();
                    bar
                });
                bar.set_position(done);
            }
            return None;
        }
        if ongoing.told.elapsed() < TELL_EVERY {
            return None;
        }
        ongoing.told = now;
        let rate = ongoing.rate(done);
        let mut text = format!("{}: {}: {}", self.title, verb(activity), units::bytes(done));
        if let Some(total) = total {
            let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
            text.push_str(&format!(" of {} ({percent}%)", units::bytes(total)));
        }
        if rate > 0.0 {
            text.push_str(&format!(", {}/s", units::bytes(rate as u64)));
            if let Some(total) = total {
                let left = total.saturating_sub(done) as f64 / rate;
                text.push_str(&format!(", {} left", units::seconds(left as u64)));
            }
        }
        Some(text)
    }
}

fn verb(activity: Activity) -> &'static str {
    match activity {
        Activity::Download => "downloading",
        Activity::Verify => "verifying",
        Activity::Unpack => "unpacking",
        Activity::Convert => "converting",
        Activity::Sync => "syncing",
        Activity::Send => "sending",
    }
}

fn bar(title: &str, activity: Activity, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "  {prefix} {msg:12} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "  {prefix} {msg:12} {spinner} {bytes}, {bytes_per_sec}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    bar.set_style(style.progress_chars("=> "));
    bar.set_prefix(printable(title));
    bar.set_message(verb(activity));
    bar
}

fn print_line(line: &str) {
    write_line(&printable(line));
}

/// A reader that went away does not end an install.
fn write_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
