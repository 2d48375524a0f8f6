//! The events of a run: on a terminal with a bar, as plain lines, as JSON, or not at all.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use ays_engine::{Event, Record, RunResult, Step};
use ays_node::Activity;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{printable, printable_json, units};
use crate::failure::eprint_line;

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For people.
    Human,
    /// Warnings and errors only.
    Quiet,
    /// One JSON object a line.
    Json,
}

/// Shows the events of one run.
pub struct Renderer {
    style: Style,
    title: String,
    begun: Instant,
    bar: Option<ProgressBar>,
    activity: Option<Ongoing>,
    /// The connection is told of only when something is done over it.
    connected: Option<String>,
}

/// The activity that progress is being told of.
struct Ongoing {
    step: Step,
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

impl Renderer {
    pub fn new(style: Style) -> Self {
        Self {
            style,
            title: String::new(),
            begun: Instant::now(),
            bar: None,
            activity: None,
            connected: None,
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
            Style::Human => self.tell(record),
        }
    }

    fn tell(&mut self, record: &Record) {
        if !matches!(record.event, Event::StepProgress { .. }) {
            self.activity = None;
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
            }
        }
        if !matches!(record.event, Event::RunFinished { result: RunResult::Unchanged, .. })
            && let Some(line) = self.connected.take()
        {
            print_line(&line);
        }
        match &record.event {
            Event::RunStarted { template, .. } => self.title = format!("{template} on {}", record.node),
            Event::StepStarted { step: step @ (Step::Fetch | Step::Register), what } => {
                print_line(&format!("{}: {}: {what}", self.title, step.as_str()));
            }
            Event::StepStarted { .. } => {}
            Event::StepProgress { step, activity, done, total } => {
                self.progress(*step, *activity, *done, *total)
            }
            Event::StepDone { step: Step::Connect, result } => {
                self.connected = Some(format!("{}: connect: {result}", self.title));
            }
            Event::StepDone { step, result } => {
                print_line(&format!("{}: {}: {result}", self.title, step.as_str()));
            }
            Event::Warning { message } => eprint_line(&format!("warning: {message}")),
            Event::RunFinished { result, message } => {
                let took = units::seconds(self.begun.elapsed().as_secs());
                match result {
                    RunResult::Installed => print_line(&format!("{}: installed in {took}", self.title)),
                    RunResult::Unchanged => {
                        print_line(&format!("{}: nothing to do, it is installed", self.title))
                    }
                    // The error itself is printed at the end.
                    RunResult::Failed | RunResult::Interrupted => _ = message,
                }
            }
        }
    }

    fn progress(&mut self, step: Step, activity: Activity, done: u64, total: Option<u64>) {
        let now = Instant::now();
        if self.activity.as_ref().is_none_or(|ongoing| (ongoing.step, ongoing.activity) != (step, activity)) {
            self.activity = Some(Ongoing { step, activity, since: now, from: done, told: now });
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
            }
        }
        let Some(ongoing) = &mut self.activity else { return };
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| bar(activity, total));
            bar.set_position(done);
            return;
        }
        if ongoing.told.elapsed() < TELL_EVERY {
            return;
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
        print_line(&text);
    }
}

fn verb(activity: Activity) -> &'static str {
    match activity {
        Activity::Download => "downloading",
        Activity::Verify => "verifying",
        Activity::Convert => "converting",
        Activity::Sync => "syncing",
    }
}

fn bar(activity: Activity, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "  {msg:12} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "  {msg:12} {spinner} {bytes}, {bytes_per_sec}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    bar.set_style(style.progress_chars("=> "));
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
