//! The parts of a job's page that change while one looks.

use std::fmt::Write as _;

use askama::Template;

use super::line::Line;
use super::work::{OnNode, Work, seconds};
use crate::markup;

/// How wide and how high a chart is, in its own units.
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;

#[derive(Template)]
#[template(path = "job_progress.html")]
struct Progress {
    nodes: Vec<Node>,
    over: bool,
}

struct Node {
    name: String,
    state: String,
    what: String,
    activity: &'static str,
    done: Option<u64>,
    total: Option<u64>,
    bytes: String,
    rate: String,
    left: String,
    /// The points of its chart.
    chart: String,
    chart_says: String,
    /// When it did what.
    timeline: Vec<Part>,
}

/// A step on a timeline.
struct Part {
    name: &'static str,
    what: String,
    took: String,
    x: String,
    width: String,
    shade: usize,
}

#[derive(Template)]
#[template(path = "job_line.html")]
struct LineView<'a> {
    line: &'a Line,
    icon: String,
}

/// A line of the log.
pub(crate) fn line(line: &Line) -> String {
    LineView { line, icon: markup::icon(line.tone.icon()) }.render().unwrap_or_default()
}

/// How far each node is; of a job that is over, when each did what.
pub(crate) fn progress(work: &Work, over: bool) -> String {
    let span = span(work);
    let nodes = work.shown().map(|(name, on)| node(name, on, over, span));
    Progress { nodes: nodes.collect(), over }.render().unwrap_or_default()
}

/// From the first step of all to the end of the last.
fn span(work: &Work) -> Option<(jiff::Timestamp, f64)> {
    let steps = || work.shown().flat_map(|(_, on)| &on.steps);
    let first = steps().map(|step| step.begun).min()?;
    let last = steps().map(|step| step.ended.unwrap_or(step.begun)).max()?;
    Some((first, seconds(first, last).max(0.001)))
}

fn node(name: &str, on: &OnNode, over: bool, span: Option<(jiff::Timestamp, f64)>) -> Node {
    let (done, total) =
        (on.progress.map(|progress| progress.done), on.progress.and_then(|progress| progress.total));
    let what = match (&on.end, on.step()) {
        (Some((_, message)), _) => message.clone(),
        (None, Some(step)) => step.what.clone(),
        (None, None) => on.steps.last().map(|step| step.what.clone()).unwrap_or_default(),
    };
    let most = on.rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    Node {
        name: if name.is_empty() { "all".to_owned() } else { name.to_owned() },
        state: markup::state(&on.state()),
        what,
        activity: on.progress.map_or("", |progress| progress.activity.as_str()),
        done,
        total: total.filter(|total| *total > 0),
        bytes: match (done, total) {
            (Some(done), Some(total)) => format!("{} of {}", markup::size(done), markup::size(total)),
            (Some(done), None) => markup::size(done),
            _ => String::new(),
        },
        rate: on.rate().map(|rate| format!("{}/s", markup::size(rate as u64))).unwrap_or_default(),
        left: on.seconds_left().map(markup::duration).unwrap_or_default(),
        chart: chart(on, most),
        chart_says: format!("Rate over time; at most {}/s", markup::size(most as u64)),
        timeline: match span {
            Some(span) if over => timeline(on, span),
            _ => Vec::new(),
        },
    }
}

fn chart(on: &OnNode, most: f64) -> String {
    let (Some((from, _)), Some((to, _))) = (on.rates.first(), on.rates.last()) else { return String::new() };
    let long = seconds(*from, *to);
    if long <= 0.0 || most <= 0.0 {
        return String::new();
    }
    let mut points = String::new();
    for (at, rate) in &on.rates {
        let (x, y) = (seconds(*from, *at) / long * WIDTH, HEIGHT - rate / most * (HEIGHT - 2.0) - 1.0);
        let _ = write!(points, "{x:.1},{y:.1} ");
    }
    points
}

fn timeline(on: &OnNode, (first, long): (jiff::Timestamp, f64)) -> Vec<Part> {
    let part = |(shade, step): (usize, &super::work::Step)| {
        let took = seconds(step.begun, step.ended.unwrap_or(step.begun));
        Part {
            name: step.name.shown(),
            what: step.what.clone(),
            took: format!("{took:.1} s"),
            x: format!("{:.2}", seconds(first, step.begun) / long * 100.0),
            width: format!("{:.2}", (took / long * 100.0).max(0.3)),
            shade: shade % 4,
        }
    };
    on.steps.iter().enumerate().map(part).collect()
}
