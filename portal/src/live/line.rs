//! A line of a job's log.

use ays_model::{Event, Record, RunResult};

use crate::words::Tone;

/// A line of a job's log.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The number of its event.
    pub number: u32,
    /// `20:48:51`, UTC.
    pub time: String,
    pub node: String,
    pub tone: Tone,
    pub text: String,
}

impl Line {
    /// What a log says of an event; none: of progress it says nothing.
    pub fn of(number: u32, record: &Record) -> Option<Self> {
        let (tone, text) = said(&record.event)?;
        Some(Self {
            number,
            time: record.time.strftime("%H:%M:%S").to_string(),
            node: record.node.as_str().to_owned(),
            tone,
            text,
        })
    }
}

fn said(event: &Event) -> Option<(Tone, String)> {
    Some(match event {
        Event::StepProgress { .. } => return None,
        Event::RunStarted { template, instance, .. } => (Tone::Busy, format!("{template}/{instance} begins")),
        Event::StepStarted { step, what } => (Tone::Busy, format!("{}: {what}", step.shown())),
        Event::StepDone { step, result } => (Tone::Good, format!("{}: {result}", step.shown())),
        Event::Warning { message } => (Tone::Warn, message.clone()),
        Event::Waiting { message } => (Tone::Busy, format!("waits: {message}")),
        Event::RunFinished { result, message } => {
            (of_result(*result), format!("{}: {message}", result.as_str()))
        }
        Event::ScrubStarted { copies, bytes } => {
            (Tone::Busy, format!("{copies} copies, {} to read", crate::markup::size(*bytes)))
        }
        Event::CopyChecked(report) => {
            let good = matches!(report.result.as_str(), "good" | "healed");
            let why = report.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let tone = if good { Tone::Good } else { Tone::Bad };
            (tone, format!("{} is {}{why}", report.path().display(), report.result.as_str()))
        }
        Event::FaultRehearsed(report) => (Tone::Good, format!("{} rehearsed", report.step)),
    })
}

/// How the end of a run is meant.
pub(super) fn of_result(result: RunResult) -> Tone {
    match result {
        RunResult::Installed | RunResult::Unchanged | RunResult::Done => Tone::Good,
        RunResult::Failed => Tone::Bad,
        RunResult::Interrupted => Tone::Off,
    }
}
