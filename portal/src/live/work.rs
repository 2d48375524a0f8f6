//! What the events of a job come to: how far each node is, how fast, what it did when.

use std::collections::BTreeMap;

use ays_model::{Event, Progress, Record, StepName};
use jiff::Timestamp;

use super::line::of_result;
use crate::words::{State, Tone};

/// A rate is that of so many seconds.
const RATE_OF: f64 = 10.0;

/// So many points a chart has at the most.
const POINTS: usize = 120;

/// What the events of a job come to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    /// By name; the one without a name is what belongs to no node.
    pub nodes: BTreeMap<String, OnNode>,
}

/// A part of the work on a node.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub name: StepName,
    pub what: String,
    pub begun: Timestamp,
    pub ended: Option<Timestamp>,
}

/// What happens on a node.
#[derive(Debug, Clone, Default)]
pub(crate) struct OnNode {
    pub steps: Vec<Step>,
    pub progress: Option<Progress>,
    /// Bytes of the step that goes on, with their times.
    samples: Vec<(Timestamp, u64)>,
    /// Bytes a second, with their times.
    pub rates: Vec<(Timestamp, f64)>,
    pub end: Option<(State, String)>,
    pub waits: bool,
}

impl Work {
    /// One more thing has happened.
    pub fn take(&mut self, Record { time, node, event }: &Record) {
        let node = self.nodes.entry(node.as_str().to_owned()).or_default();
        match event {
            Event::StepStarted { step, what } => {
                node.end_step(*time);
                node.end = None;
                node.steps.push(Step { name: *step, what: what.clone(), begun: *time, ended: None });
            }
            Event::StepProgress { progress, .. } => node.goes_on(*time, *progress),
            Event::StepDone { .. } => node.end_step(*time),
            Event::Waiting { .. } => node.waits = true,
            Event::RunStarted { .. } => *node = OnNode::default(),
            Event::RunFinished { result, message } => {
                node.end_step(*time);
                node.end = Some((State::new(of_result(*result), result.as_str()), message.clone()));
            }
            Event::Warning { .. }
            | Event::ScrubStarted { .. }
            | Event::CopyChecked(_)
            | Event::FaultRehearsed(_) => {}
        }
        if !matches!(event, Event::Waiting { .. } | Event::Warning { .. }) {
            node.waits = false;
        }
    }

    /// Those of which there is something to show: nodes, and what is done on none alone.
    pub fn shown(&self) -> impl Iterator<Item = (&str, &OnNode)> {
        let is_shown = |on: &OnNode| !on.steps.is_empty() || on.end.is_some() || on.waits;
        self.nodes.iter().filter(move |(_, on)| is_shown(on)).map(|(name, on)| (name.as_str(), on))
    }
}

impl OnNode {
    fn end_step(&mut self, now: Timestamp) {
        if let Some(step) = self.steps.last_mut() {
            step.ended.get_or_insert(now);
        }
        self.progress = None;
        self.samples.clear();
    }

    fn goes_on(&mut self, now: Timestamp, progress: Progress) {
        let is_other = self
            .progress
            .is_some_and(|before| before.activity != progress.activity || before.done > progress.done);
        if is_other {
            self.samples.clear();
        }
        self.progress = Some(progress);
        self.samples.push((now, progress.done));
        self.samples.retain(|(at, _)| seconds(*at, now) <= RATE_OF);
        if let Some(rate) = self.rate() {
            self.rates.push((now, rate));
            if self.rates.len() > POINTS {
                // Every second one is left out: the chart keeps its width.
                let mut keeps = false;
                self.rates.retain(|_| {
                    keeps = !keeps;
                    keeps
                });
            }
        }
    }

    /// The step that goes on.
    pub fn step(&self) -> Option<&Step> {
        self.steps.last().filter(|step| step.ended.is_none())
    }

    /// Bytes a second; none: it is not known.
    pub fn rate(&self) -> Option<f64> {
        let ((from, before), (to, now)) = (self.samples.first()?, self.samples.last()?);
        let took = seconds(*from, *to);
        (took > 0.0).then(|| (now - before) as f64 / took)
    }

    /// How many seconds it takes until the step has all its bytes.
    pub fn seconds_left(&self) -> Option<u64> {
        let Progress { done, total, .. } = self.progress?;
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        Some((total?.saturating_sub(done) as f64 / rate).ceil() as u64)
    }

    /// Where it is, in a word.
    pub fn state(&self) -> State {
        match (&self.end, self.step()) {
            (Some((state, _)), _) => state.clone(),
            (None, _) if self.waits => State::new(Tone::Busy, "waits"),
            (None, Some(step)) => State::new(Tone::Busy, step.name.shown()),
            (None, None) => State::new(Tone::Good, "done"),
        }
    }
}

/// From one time to another.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use ays_model::Activity;

    use super::*;

    fn at(second: i64, event: Event) -> Record {
        Record { time: Timestamp::from_second(second).unwrap(), node: "n1".into(), event }
    }

    fn progress(second: i64, done: u64) -> Record {
        let progress = Progress { activity: Activity::Download, done, total: Some(1000) };
        at(second, Event::StepProgress { step: StepName::Fetch, progress })
    }

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let mut work = Work::default();
        work.take(&at(0, Event::StepStarted { step: StepName::Fetch, what: "x".to_owned() }));
        for (second, done) in [(0, 0), (10, 100), (20, 600)] {
            work.take(&progress(second, done));
        }
        let node = &work.nodes["n1"];
        assert_eq!((node.rate(), node.seconds_left()), (Some(50.0), Some(8)));
        assert_eq!(node.state().word, "fetch");
        // A step that begins again begins at its own rate.
        work.take(&progress(21, 10));
        assert_eq!(work.nodes["n1"].rate(), None);
        work.take(&at(22, Event::StepDone { step: StepName::Fetch, result: "y".to_owned() }));
        assert_eq!((work.nodes["n1"].progress, work.nodes["n1"].state().word.as_str()), (None, "done"));
    }

    #[test]
    fn a_chart_does_not_grow_for_ever() {
        let mut work = Work::default();
        for second in 0..1000 {
            work.take(&progress(second, second.unsigned_abs() * 10));
        }
        assert!(work.nodes["n1"].rates.len() <= POINTS);
        assert!(work.nodes["n1"].samples.len() <= 11);
    }
}
