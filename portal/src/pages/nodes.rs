//! Nodes: what the environment says of them, and what the last check found.

use std::sync::Arc;

use axum::response::Response;
use ays_model::{Node, NodeName, Severity, causes};
use ays_operations::{self as operations, CheckNodes, CheckedNode};

use super::checked_nodes::{CheckedNodes, checked_nodes};
use super::listing::{Action, listing};
use super::queue::queue;
use super::stacks;
use crate::failure::Failure;
use crate::form::Form;
use crate::frame::Frame;
use crate::table::{Button, Cell, Column, Row, Rows, Table, acting, column};
use crate::visitor::Visitor;
use crate::words::{State, Tone};

const COLUMNS: &[Column] = &[
    column("name", "Name"),
    column("address", "Address"),
    column("gid", "Grid ID"),
    column("pool", "Pool"),
    column("state", "Last check"),
    column("found", "What it found"),
    column("poolFree", "Free in its pool"),
    column("os", "System"),
    column("checkedAt", "Checked"),
    acting("check", "Check"),
];

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let checked = checked_nodes(&controller).await?;
    let nodes = operations::nodes(Arc::clone(&controller.environment)).await?;
    let may = visitor.may_operate();
    let rows = nodes.iter().map(|(name, node)| match node {
        Ok(node) => row(node, &checked, may),
        Err(error) => broken(name, &causes(error)),
    });
    let table = Table {
        id: "",
        title: "Nodes",
        columns: if may { COLUMNS } else { &COLUMNS[..COLUMNS.len() - 1] },
        rows: Rows::All(rows.collect()),
        empty: "The environment has no node: <code>ays new node NAME</code> adds one.",
    };
    let frame = Frame::new(&visitor, "Nodes", &[]).await?;
    let actions =
        if may { vec![Action::post("Check all nodes", "refresh", "/nodes/check")] } else { Vec::new() };
    listing(&visitor, frame, actions, "", vec![table])
}

pub(crate) async fn check(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    let nodes = fields.all("node").map(str::to_owned).collect();
    queue(&visitor, CheckNodes { nodes, parallel: None }).await
}

fn row(node: &Node, checked: &CheckedNodes, may: bool) -> Row {
    let name = node.name.as_str();
    let found = checked.get(name);
    let mut row = vec![
        match node.stack {
            true => Cell::text(name).to(stacks::path(name)),
            false => Cell::text(name),
        },
        Cell::text(match node.port {
            Some(port) => format!("{}:{port}", node.host),
            None => node.host.clone(),
        }),
        Cell::number(node.gid.0),
        Cell::text(node.pool.name.as_str()).hover(node.pool.path.display().to_string()),
        found.map_or_else(
            || Cell::state(State::new(Tone::Off, "not checked yet")),
            |(found, _)| Cell::state(state(found)),
        ),
        found.map_or_else(Cell::nothing, |(found, _)| problems(found)),
        found.and_then(|(found, _)| found.pool_free).map_or_else(Cell::nothing, Cell::bytes),
        found.and_then(|(found, _)| found.os.as_ref()).map_or_else(Cell::nothing, Cell::text),
        Cell::time(found.map(|(_, at)| at)),
    ];
    if may {
        row.push(Cell::button(Button {
            title: "Check".to_owned(),
            label: format!("Check node {name}"),
            action: "/nodes/check".to_owned(),
            fields: vec![("node".to_owned(), name.to_owned())],
        }));
    }
    row
}

/// A node whose file is wrong.
fn broken(name: &NodeName, why: &str) -> Row {
    let mut row: Row = COLUMNS.iter().map(|_| Cell::nothing()).collect();
    row[0] = Cell::text(name.as_str());
    row[4] = Cell::state(State::new(Tone::Bad, "its file is wrong"));
    row[5] = Cell::text(why);
    row
}

/// How a check found a node.
pub(super) fn state(node: &CheckedNode) -> State {
    if node.has_errors() {
        State::new(Tone::Bad, "cannot be installed on")
    } else if node.findings.is_empty() {
        State::new(Tone::Good, "as it should be")
    } else {
        State::new(Tone::Warn, "warnings")
    }
}

/// What a check found; on hover, what to do about it.
fn problems(node: &CheckedNode) -> Cell {
    let problems: Vec<_> = node.findings.iter().map(|finding| finding.problem.as_str()).collect();
    Cell::text(problems.join("; ")).hover(findings(node))
}

/// What a check found and what to do, the worst first.
pub(super) fn findings(node: &CheckedNode) -> String {
    let mut findings: Vec<_> = node.findings.iter().collect();
    findings.sort_by_key(|finding| finding.level != Severity::Error);
    findings
        .iter()
        .map(|finding| format!("{}. {}.", finding.problem, finding.cure))
        .collect::<Vec<_>>()
        .join(" ")
}
