//! Jobs: the table of the last ones.

use std::collections::HashMap;

use axum::response::Response;
use ays_catalogue::{Job, JobFilter, JobId};
use ays_operations::{self as operations, Controller};
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
    let filter = JobFilter { before, limit: Some(LIMIT), ..JobFilter::default() };
    let controller = visitor.controller().await?;
    let jobs = operations::jobs(controller.clone(), filter).await?;
    let names = names(&controller, &jobs).await?;
    let note = match jobs.last() {
        Some(last) if jobs.len() == LIMIT as usize => {
            format!("These are {LIMIT} jobs; for older ones, add ?before={} to the address.", last.id)
        }
        _ => String::new(),
    };
    let frame = Frame::new(&visitor, "Jobs", &[]).await?;
    listing(&visitor, frame, Vec::new(), note, vec![table("", &jobs, &names)])
}

/// Jobs as a table.
pub(crate) fn table(id: &'static str, jobs: &[Job], names: &Names) -> Table {
    let empty =
        "There is no job yet. Whatever takes time becomes one: make an image available, or install a recipe.";
    Table {
        id,
        title: "Jobs",
        columns: COLUMNS,
        rows: Rows::All(jobs.iter().map(|job| row(job, names)).collect()),
        empty,
    }
}

fn row(job: &Job, names: &Names) -> Row {
    vec![
        Cell::number(job.id.0).to(path(job.id)),
        Cell::text(kind(&job.kind)),
        Cell::text(what(&job.operation, names)),
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
        "addImage" => "Add Image",
        "service" => "Act on services",
        "publish" => "Publish",
        "publishOutdated" => "Publish what is outdated",
        "prunePublications" => "Prune publications",
        "retryPublication" => "Publish again",
        "removePublication" => "Remove publication",
        "recover" => "Recover",
        other => other,
    }
}

/// The names of images, by their numbers.
pub(crate) type Names = HashMap<String, String>;

/// The names of the images that jobs call by their numbers.
pub(crate) async fn names(controller: &Controller, jobs: &[Job]) -> Result<Names, Failure> {
    let number = |job: &Job| job.operation.get("image")?.as_str()?.parse::<i64>().ok();
    if !jobs.iter().any(|job| number(job).is_some()) {
        return Ok(Names::new());
    }
    let images = operations::images(controller.clone()).await?;
    Ok(images.into_iter().map(|image| (image.id.0.to_string(), image.name.into())).collect())
}

/// What an operation is about, in a few words.
pub(crate) fn what(operation: &Value, names: &Names) -> String {
    let text = |key: &str| operation.get(key).and_then(Value::as_str).map(str::to_owned);
    let listed = |key: &str| {
        let names =
            operation.get(key)?.as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        (!names.is_empty()).then_some(names)
    };
    let said = [
        text("image").map(|image| names.get(&image).cloned().unwrap_or(image)),
        text("template"),
        text("name"),
        text("stack"),
        listed("nodes"),
        listed("stacks"),
        listed("templates"),
        listed("accounts"),
        operation.get("id").and_then(Value::as_i64).map(|id| id.to_string()),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
