//! Stacks: all of them, and one with what it has.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ays_catalogue::{CopyState, Holding, HoldingFilter, Next, Stack, StackStatus, next_stack_status};
use ays_operations::{self as operations, ChangeStack};

use super::checked_nodes::checked_nodes;
use super::image::text;
use super::listing::listing;
use super::queue::queue;
use crate::address;
use crate::failure::Failure;
use crate::form::Form;
use crate::frame::{Frame, shown};
use crate::markup;
use crate::table::{Cell, Column, Row, Rows, Table, TableView, column, view};
use crate::visitor::Visitor;
use crate::words::{State, Tone};

const COLUMNS: &[Column] = &[
    column("name", "Name"),
    column("status", "Status"),
    column("gid", "Grid ID"),
    column("images", "Images"),
    column("referenceId", "Reference ID"),
    column("type", "Type"),
    column("descr", "Description"),
    column("id", "ID"),
];

/// Where a stack's page is.
pub(super) fn path(name: &str) -> String {
    address::to("/stacks", name)
}

pub(crate) async fn all(visitor: Visitor) -> Result<Response, Failure> {
    let stacks = operations::stacks(visitor.controller().await?).await?;
    let row = |stack: &Stack| -> Row {
        let status = match stack.in_environment {
            true => Cell::state(stack.status),
            false => Cell::state(State::new(Tone::Off, "not in the environment")),
        };
        vec![
            Cell::text(stack.name.as_str()).to(path(stack.name.as_str())),
            status,
            Cell::number(stack.gid.0),
            Cell::number(stack.images.len() as u64),
            Cell::text(&stack.reference_id),
            Cell::text(&stack.kind),
            Cell::text(&stack.descr),
            Cell::number(stack.id.0),
        ]
    };
    let table = Table {
        id: "",
        title: "Stacks",
        columns: COLUMNS,
        rows: Rows::All(stacks.iter().map(row).collect()),
        empty: "There is no stack yet: a node becomes one with the first <a href=\"/recipes\">install</a>.",
    };
    let frame = Frame::new(&visitor, "Stacks", &[]).await?;
    listing(&visitor, frame, Vec::new(), "", vec![table])
}

#[derive(Template)]
#[template(path = "stack.html")]
struct Page {
    frame: Frame,
    path: String,
    facts: Vec<(&'static str, String)>,
    /// The states that it can get: the word of the form, and the button's.
    changes: Vec<(&'static str, &'static str)>,
    tables: Vec<TableView>,
}

pub(crate) async fn one(visitor: Visitor, Path(name): Path<String>) -> Result<Response, Failure> {
    let controller = visitor.controller().await?;
    let stack = operations::stack(controller.clone(), name.into()).await?;
    let filter = HoldingFilter { stack: Some(stack.id), ..HoldingFilter::default() };
    let holdings = operations::holdings(controller.clone(), filter).await?;
    let table = images(&holdings);
    if let Some(file) = table.export(&visitor.query) {
        return file;
    }
    let nodes = checked_nodes(&controller).await?;
    let mut facts = vec![
        ("Status", markup::state(&stack.status.into())),
        ("Grid ID", stack.gid.to_string()),
        ("Description", text(&stack.descr)),
        ("Type", text(&stack.kind)),
        ("Reference ID", text(&stack.reference_id)),
        ("ID", stack.id.0.to_string()),
    ];
    if !stack.in_environment {
        facts.push(("Environment", "has it no more".to_owned()));
    }
    if let Some(by) = &stack.status_by {
        let reason = stack.status_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        facts.push(("Status set by", text(&format!("{by}{reason}"))));
    }
    if let Some((node, at)) = nodes.get(stack.name.as_str()) {
        let free = node.pool_free.map_or("not known".to_owned(), markup::size);
        facts.push(("Free in its pool", format!("{free}, checked {}", markup::time(at))));
    }
    let may = |to| matches!(next_stack_status(stack.status, stack.in_environment, to), Next::Becomes(_));
    let all = [
        (StackStatus::Enabled, "enabled", "Enable"),
        (StackStatus::Maintenance, "maintenance", "Maintenance"),
        (StackStatus::Disabled, "disabled", "Disable"),
    ];
    let page = Page {
        frame: Frame::new(&visitor, format!("Stack: {}", stack.name), &[("Stacks", "/stacks")]).await?,
        path: path(stack.name.as_str()),
        facts,
        changes: all.iter().filter(|(to, ..)| may(*to)).map(|&(_, word, title)| (word, title)).collect(),
        tables: vec![view(&visitor, table)],
    };
    shown(&page)
}

pub(crate) async fn change(
    Path(name): Path<String>,
    Form { visitor, fields }: Form,
) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let stack = operations::stack(visitor.controller().await?, name.into()).await?;
    let to = match fields.one("to") {
        Some("enabled") => StackStatus::Enabled,
        Some("maintenance") => StackStatus::Maintenance,
        Some("disabled") => StackStatus::Disabled,
        _ => return Err(Failure::usage("a stack is enabled, in maintenance or disabled")),
    };
    if let Next::Wrong(why) = next_stack_status(stack.status, stack.in_environment, to) {
        return Err(Failure::usage(format!("stack {} {why}", stack.name)));
    }
    let reason = fields.one("reason").map(str::to_owned);
    queue(&visitor, ChangeStack { stack: stack.name, to, reason }).await
}

/// What a stack has of an image, in a word.
pub(super) fn state(holding: &Holding) -> State {
    let Holding { current, offers, copy, .. } = holding;
    match (offers, copy) {
        (_, Some(CopyState::Damaged)) => State::new(Tone::Bad, "damaged"),
        (_, Some(CopyState::Arriving)) => State::new(Tone::Busy, "arriving"),
        (Some(_), _) if offers == current => State::new(Tone::Good, "offered"),
        (Some(_), _) => State::new(Tone::Warn, "older generation"),
        (None, _) => State::new(Tone::Off, "wanted, not offered"),
    }
}

fn images(holdings: &[Holding]) -> Table {
    const COLUMNS: &[Column] = &[
        column("image", "Image"),
        column("state", "State"),
        column("offers", "Offers generation"),
        column("current", "Current generation"),
    ];
    let number = |number: Option<i64>| number.map_or_else(Cell::nothing, Cell::number);
    let row = |holding: &Holding| -> Row {
        vec![
            Cell::text(holding.image_name.as_str()).to(address::to("/images", &holding.image.0.to_string())),
            Cell::state(state(holding)),
            number(holding.offers),
            number(holding.current),
        ]
    };
    Table {
        id: "images",
        title: "Images wanted on this Stack",
        columns: COLUMNS,
        rows: Rows::All(holdings.iter().map(row).collect()),
        empty: "No image is wanted here. Open an <a href=\"/images\">image</a> and choose Image Availability.",
    }
}
