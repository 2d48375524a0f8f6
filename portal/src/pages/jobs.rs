//! Jobs: the table of the last ones.

use axum::response::Response;
use ays_catalogue::{Job, JobFilter, JobId};
use ays_operations as operations;
use serde_json::Value;

use super::listing::listing;
use crate::address;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::table::{Cell, Column, Row, Rows, Table, column};
use crate::visitor::Visitor;

const COLUMNS: &[Column] = &[
    column("id", "Job"),
    column("kind", "Operation"),
    column("what", "Of what"),
    column("status", "Status"),
    column("actor", "Who"),
    column("created", "Asked for"),
    column("ended", "Ended"),
];

/// So many are searched and sorted; older ones are further back.
const LIMIT: u32 = 1_000;

pub(crate) async fn page(visitor: Visitor) -> Result<Response, Failure> {
    let before = visitor.query.one("before").and_then(|text| text.parse().ok()).map(JobId);
    let filter = JobFilter { status: None, before, limit: Some(LIMIT) };
    let jobs = operations::jobs(visitor.controller().await?, filter).await?;
    let note = match jobs.last() {
        Some(last) if jobs.len() == LIMIT as usize => {
            format!("These are {LIMIT} jobs; for older ones, add ?before={} to the address.", last.id)
        }
        _ => String::new(),
    };
    let frame = Frame::new(&visitor, "Jobs", &[]).await?;
    listing(&visitor, frame, Vec::new(), note, vec![table("", jobs.iter())])
}

/// Jobs as a table.
pub(crate) fn table<'a>(id: &'static str, jobs: impl Iterator<Item = &'a Job>) -> Table {
    let empty =
        "There is no job yet. Whatever takes time becomes one: make an image available, or install a recipe.";
    Table { id, title: "Jobs", columns: COLUMNS, rows: Rows::All(jobs.map(row).collect()), empty }
}

fn row(job: &Job) -> Row {
    vec![
        Cell::number(job.id.0).to(path(job.id)),
        Cell::text(kind(&job.kind)),
        Cell::text(what(&job.operation)),
        Cell::state(job.status),
        Cell::text(&job.actor),
        Cell::time(Some(&job.created_at)),
        Cell::time(job.ended_at.as_ref()),
    ]
}

/// Where a job's page is.
pub(crate) fn path(id: JobId) -> String {
    address::to("/jobs", &id.to_string())
}

/// An operation's kind in words.
pub(crate) fn kind(kind: &str) -> &str {
    match kind {
        "install" => "Install",
        "installOutdated" => "Install what is outdated",
        "outdated" => "Ask sources",
        "scrub" => "Scrub",
        "availability" => "Image Availability",
        "changeImage" => "Change image",
        "editImage" => "Edit image",
        "copyImage" => "Copy image",
        "destroyImage" => "Delete permanently",
        "prune" => "Prune",
        "changeStack" => "Change stack",
        "checkNodes" => "Check nodes",
        other => other,
    }
}

/// What an operation is about, in a few words.
pub(crate) fn what(operation: &Value) -> String {
    let text = |key: &str| operation.get(key).and_then(Value::as_str).map(str::to_owned);
    let names = |key: &str| {
        let names =
            operation.get(key)?.as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        (!names.is_empty()).then_some(names)
    };
    let said =
        [text("image"), text("template"), text("stack"), names("nodes"), names("stacks"), names("templates")];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
