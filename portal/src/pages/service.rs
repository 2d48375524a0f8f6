//! One service on a node: its state, who needs whom, its runs, and the log of the last one.

use std::path::Path as FilePath;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_catalogue::{Run, ServiceOnNode};
use ays_model::Record;
use ays_operations::{self as operations, Controller, ServiceName};

use super::graph;
use super::image::text;
use super::{recipes, seen_services};
use crate::address;
use crate::failure::Failure;
use crate::frame::{Frame, shown};
use crate::live::{self, Line};
use crate::markup;
use crate::visitor::Visitor;
use crate::words::{State, Tone};

#[derive(Template)]
#[template(path = "service.html")]
struct Page {
    frame: Frame,
    service: String,
    instance: String,
    node: String,
    facts: Vec<(&'static str, String)>,
    /// HTML.
    graph: String,
    /// Why there is none.
    no_graph: String,
    runs: Vec<[String; 4]>,
    lines: Vec<String>,
}

/// So many runs are shown.
const RUNS: u32 = 10;
/// So much of a log is read, in bytes.
const LOG: u64 = 1 << 20;

/// The address of a service's page.
pub(super) fn path(of: &ServiceOnNode) -> String {
    let parts = [of.node.as_str(), of.service.as_str(), of.instance.as_str()];
    parts.iter().fold("/services".to_owned(), |path, part| address::to(&path, part))
}

pub(crate) async fn page(
    visitor: Visitor,
    Path((node, service, instance)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let of = ServiceOnNode { service: service.into(), instance: instance.into(), node: node.into() };
    let controller = visitor.controller().await?;
    let installed = operations::services(controller.clone()).await?;
    let seen = seen_services::seen(&controller).await?.remove(&of);
    let (template, on) = (Some(of.service.clone()), Some(of.node.clone()));
    let mut runs = operations::runs(controller.clone(), template, on, 10 * RUNS).await?;
    runs.retain(|run| run.instance == of.instance);
    runs.truncate(RUNS as usize);
    if !installed.contains(&of) && runs.is_empty() {
        return Err(Failure::unknown(format!("{} ({}) was never on {}", of.service, of.instance, of.node)));
    }
    let link = |(service, instance): &ServiceName| {
        let other =
            ServiceOnNode { service: service.clone(), instance: instance.clone(), node: of.node.clone() };
        installed.contains(&other).then(|| path(&other))
    };
    let (graph, no_graph) = match operations::service_graph(controller.clone(), of.clone()).await {
        Ok(graph) if graph.needs.is_empty() => {
            (String::new(), "It needs no other service, and none needs it.".to_owned())
        }
        Ok(graph) => (graph::svg(&graph, &link), String::new()),
        Err(error) => (String::new(), error.to_string()),
    };
    let state = match (&seen, installed.contains(&of)) {
        (_, false) => State::new(Tone::Off, "not installed"),
        (Some((on, ..)), true) => seen_services::state(on),
        (None, true) => State::new(Tone::Off, "not looked at yet"),
    };
    let mut facts = vec![
        ("State", markup::state(&state)),
        ("Recipe", link_to(&recipes::path(of.service.as_str()), of.service.as_str())),
        ("Instance", text(of.instance.as_str())),
        ("Node", text(of.node.as_str())),
    ];
    if let Some((on, _, at)) = &seen {
        let processes: Vec<_> = on.processes.iter().map(|process| text(&process.to_string())).collect();
        facts.push(("Processes", processes.join("<br>")));
        facts.push(("Looked at", markup::time(at)));
    }
    facts.retain(|(_, value)| !value.is_empty());
    let title = format!("{} on {}", graph::title(&(of.service.clone(), of.instance.clone())), of.node);
    let page = Page {
        frame: Frame::new(&visitor, title, &[("Services", "/services")]).await?,
        service: of.service.to_string(),
        instance: of.instance.to_string(),
        node: of.node.to_string(),
        facts,
        graph,
        no_graph,
        lines: log(&controller, runs.first()).await?,
        runs: runs.iter().map(row).collect(),
    };
    shown(&page)
}

fn link_to(href: &str, what: &str) -> String {
    format!("<a href=\"{}\">{}</a>", text(href), text(what))
}

fn row(run: &Run) -> [String; 4] {
    [
        text(run.action.as_str()),
        markup::state(&run.status.into()),
        markup::time(&run.started_at),
        text(run.message.as_deref().unwrap_or_default()),
    ]
}

/// The lines of a run's log; none where it lies on the machine of another worker.
async fn log(controller: &Controller, run: Option<&Run>) -> Result<Vec<String>, Failure> {
    let Some(log) = run.and_then(|run| run.log.as_deref()) else { return Ok(Vec::new()) };
    // The catalogue is no reason to read anything else.
    let path = FilePath::new(log).file_name().map(|name| controller.logs.join(name));
    let Some(path) = path.filter(|path| path == FilePath::new(log)) else { return Ok(Vec::new()) };
    let reading = tokio::task::spawn_blocking(move || {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let _ = std::fs::File::open(path).and_then(|file| file.take(LOG).read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let text = reading.await.map_err(|error| Failure::usage(error.to_string()))?;
    let records = text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
    let lines = (0..).zip(records).filter_map(|(number, record)| Line::of(number, &record));
    Ok(lines.map(|line| live::line(&line)).collect())
}
