//! Schedules: what is asked for again and again.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use ays_catalogue::{Schedule, ScheduleId};
use ays_operations::{
    self as operations, CheckNodes, Every, InstallOutdated, Operation, Outdated, ScrubCopies, Selection,
};
use serde_json::Value;

use super::jobs;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::form::Form;
use crate::frame::{Frame, shown};
use crate::table::{Button, Cell, Column, Row, Rows, Table, TableView, acting, column, view};
use crate::visitor::Visitor;

const COLUMNS: &[Column] = &[
    column("id", "Schedule"),
    column("kind", "Operation"),
    column("what", "Of what"),
    column("every", "When (UTC)"),
    column("next", "Next"),
    column("lastJob", "Last job"),
    column("actor", "Who"),
    acting("remove", "Remove"),
];

/// What can be asked for here again and again: the word of the form, and that of people.
const KINDS: [(&str, &str); 5] = [
    ("scrub", "Scrub: read all copies again"),
    ("heal", "Scrub, and heal what is damaged"),
    ("outdated", "Ask sources whether images are outdated"),
    ("installOutdated", "Install again what is outdated"),
    ("checkNodes", "Check nodes"),
];

#[derive(Template)]
#[template(path = "schedules.html")]
struct Page {
    frame: Frame,
    tables: Vec<TableView>,
    kinds: Vec<(&'static str, &'static str, bool)>,
    every: String,
    problem: Option<String>,
}

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    ask(visitor, &Fields::default(), None).await
}

async fn ask(visitor: Visitor, fields: &Fields, problem: Option<String>) -> Result<Response, Failure> {
    let schedules = operations::schedules(visitor.controller().await?).await?;
    let may = visitor.may_operate();
    let table = Table {
        id: "",
        title: "Schedules",
        columns: if may { COLUMNS } else { &COLUMNS[..COLUMNS.len() - 1] },
        rows: Rows::All(schedules.iter().map(|schedule| row(schedule, may)).collect()),
        empty: "There is no schedule yet. A weekly scrub, and a daily question to the sources, are good ones to begin with.",
    };
    if let Some(file) = table.export(&visitor.query) {
        return file;
    }
    let kind = fields.one("kind").unwrap_or("scrub");
    let page = Page {
        frame: Frame::new(&visitor, "Schedules", &[]).await?,
        tables: vec![view(&visitor, table)],
        kinds: KINDS.iter().map(|&(word, title)| (word, title, word == kind)).collect(),
        every: fields.one("every").unwrap_or("").to_owned(),
        problem,
    };
    shown(&page)
}

pub(crate) async fn add(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let operation: Operation = match fields.one("kind") {
        Some("scrub") => ScrubCopies { image: None, nodes: Vec::new(), heal: false }.into(),
        Some("heal") => ScrubCopies { image: None, nodes: Vec::new(), heal: true }.into(),
        Some("outdated") => Outdated {}.into(),
        Some("installOutdated") => InstallOutdated {
            template: None,
            nodes: Selection { all: true, ..Selection::default() },
            force: false,
            dependencies: ays_recipes::Dependencies::default(),
            parallel: None,
        }
        .into(),
        Some("checkNodes") => CheckNodes::default().into(),
        _ => return Err(Failure::usage("choose what is to be done")),
    };
    let every: Every = match fields.one("every").unwrap_or("").parse() {
        Ok(every) => every,
        Err(error) => return ask(visitor, &fields, Some(format!("{error}"))).await,
    };
    operations::add_schedule(visitor.controller().await?, every, operation).await?;
    Ok(Redirect::to("/schedules").into_response())
}

pub(crate) async fn remove(Form { visitor, fields }: Form) -> Result<Response, Failure> {
    visitor.must_operate()?;
    let id = fields.one("schedule").and_then(|id| id.parse().ok()).map(ScheduleId);
    let id = id.ok_or_else(|| Failure::usage("which schedule?"))?;
    operations::remove_schedule(visitor.controller().await?, id).await?;
    Ok(Redirect::to("/schedules").into_response())
}

fn row(schedule: &Schedule, may: bool) -> Row {
    let kind = schedule.operation.get("kind").and_then(Value::as_str).unwrap_or("");
    let mut row = vec![
        Cell::number(schedule.id.0),
        Cell::text(jobs::kind(kind)),
        Cell::text(jobs::what(&schedule.operation, &jobs::Names::new())),
        Cell::text(&schedule.every),
        Cell::time(Some(&schedule.next_at)),
        schedule.last_job.map_or_else(Cell::nothing, |job| Cell::number(job.0).to(jobs::path(job))),
        Cell::text(&schedule.actor),
    ];
    if may {
        row.push(Cell::button(Button {
            title: "Remove".to_owned(),
            label: format!("Remove schedule {}", schedule.id),
            action: "/schedules/remove".to_owned(),
            fields: vec![("schedule".to_owned(), schedule.id.to_string())],
        }));
    }
    row
}
