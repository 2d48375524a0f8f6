//! Services: what is installed on the nodes, and whether it was up when somebody looked last.

use axum::response::Response;
use ays_catalogue::{JobId, ServiceOnNode, Timestamp};
use ays_model::RunAction;
use ays_operations::{self as operations, ActOnServices, Selection, ServiceOn};

use super::listing::{Action, listing};
use super::queue::queue;
use super::seen_services::{seen, state};
use super::{jobs, service};
use crate::failure::Failure;
use crate::form::Form;
use crate::frame::Frame;
use crate::table::{Button, Cell, Column, Row, Rows, Table, acting, column};
use crate::visitor::Visitor;
use crate::words::{State, Tone};

const COLUMNS: &[Column] = &[
    column("service", "Service"),
    column("instance", "Instance"),
    column("node", "Node"),
    column("state", "State"),
    column("processes", "Processes"),
    column("seen", "Seen"),
    column("job", "Last job"),
    acting("start", "Start"),
    acting("stop", "Stop"),
];

/// How many of the columns only operators see.
const OF_OPERATORS: usize = 2;

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let seen = seen(&controller).await?;
    let services = operations::services(controller).await?;
    let may = visitor.may_operate();
    let table = Table {
        id: "",
        title: "Services",
        columns: if may { COLUMNS } else { &COLUMNS[..COLUMNS.len() - OF_OPERATORS] },
        rows: Rows::All(services.iter().map(|service| row(service, seen.get(service), may)).collect()),
        empty: "Nothing is installed yet: <a href=\"/recipes\">choose a recipe</a>, and install it on a node.",
    };
    let frame = Frame::new(&visitor, "Services", &[]).await?;
    let look = Action::post("Look at all services", "refresh", "/services/act");
    listing(&visitor, frame, if may { vec![look] } else { Vec::new() }, "", vec![table])
}

/// Starts or stops one service; without one, looks at all.
pub(crate) async fn act(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    let action = match fields.one("do") {
        Some("start") => RunAction::Start,
        Some("stop") => RunAction::Stop,
        Some("restart") => RunAction::Restart,
        _ => RunAction::Status,
    };
    let template = fields.one("service").map(Into::into);
    if template.is_none() && action != RunAction::Status {
        return Err(Failure::usage("which service?"));
    }
    let nodes = match fields.one("node") {
        Some(node) => Selection { names: vec![node.to_owned()], ..Selection::default() },
        None => Selection { all: true, ..Selection::default() },
    };
    let instance = fields.one("instance").unwrap_or("main").into();
    queue(&visitor, ActOnServices { action, template, instance, nodes, parallel: None, command: None }).await
}

fn row(of: &ServiceOnNode, seen: Option<&(ServiceOn, JobId, Timestamp)>, may: bool) -> Row {
    let ServiceOnNode { service: template, instance, node } = of;
    let processes = seen.map(|(on, ..)| on.processes.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut row = vec![
        Cell::text(template.as_str()).to(service::path(of)),
        Cell::text(instance.as_str()),
        Cell::text(node.as_str()),
        Cell::state(seen.map_or_else(|| State::new(Tone::Off, "not looked at yet"), |(on, ..)| state(on))),
        processes.map_or_else(Cell::nothing, |processes| Cell::text(processes.join("; "))),
        Cell::time(seen.map(|(.., at)| at)),
        seen.map_or_else(Cell::nothing, |(_, job, _)| Cell::number(job.0).to(jobs::path(*job))),
    ];
    if may {
        row.push(button("Start", "start", of));
        row.push(button("Stop", "stop", of));
    }
    row
}

fn button(title: &str, what: &str, of: &ServiceOnNode) -> Cell {
    let ServiceOnNode { service, instance, node } = of;
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Cell::button(Button {
        title: title.to_owned(),
        label: format!("{title} {service} ({instance}) on {node}"),
        action: "/services/act".to_owned(),
        fields: vec![
            field("do", what),
            field("service", service.as_str()),
            field("instance", instance.as_str()),
            field("node", node.as_str()),
        ],
    })
}
