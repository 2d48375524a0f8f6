//! What uses an image.

use ays_catalogue::{Image, JobFilter};
use ays_operations::{self as operations, Controller};
use serde_json::Value;

use super::jobs;
use crate::address;
use crate::failure::Failure;
use crate::table::{Cell, Column, Row, Rows, Table, column};

const COLUMNS: &[Column] = &[
    column("kind", "What"),
    column("name", "Name"),
    column("node", "Node"),
    column("generation", "Generation"),
];

/// So many of the last jobs are looked through.
const JOBS: u32 = 200;

/// What was installed with it, which schedules name it, which jobs are at it.
pub(super) async fn uses(controller: &Controller, image: &Image) -> Result<Table, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    for on in operations::installed_images(controller.clone()).await? {
        if on.image == image.id {
            rows.push(vec![
                Cell::text("Installed recipe"),
                Cell::text(on.service.service.as_str())
                    .to(address::to("/recipes", on.service.service.as_str())),
                Cell::text(on.service.node.as_str()),
                Cell::number(on.generation),
            ]);
        }
    }
    for schedule in operations::schedules(controller.clone()).await? {
        if names(&schedule.operation, image) {
            let name = format!("{} of schedule {}", jobs::kind(kind_of(&schedule.operation)), schedule.id);
            rows.push(vec![
                Cell::text("Schedule"),
                Cell::text(name).to("/schedules"),
                Cell::nothing(),
                Cell::nothing(),
            ]);
        }
    }
    let filter = JobFilter { limit: Some(JOBS), ..JobFilter::default() };
    for job in operations::jobs(controller.clone(), filter).await? {
        if !job.status.is_over() && names(&job.operation, image) {
            let name = format!("{} (job {})", jobs::kind(&job.kind), job.id);
            rows.push(vec![
                Cell::text("Job"),
                Cell::text(name).to(jobs::path(job.id)),
                Cell::nothing(),
                Cell::nothing(),
            ]);
        }
    }
    Ok(Table {
        id: "uses",
        title: "What uses this Image",
        columns: COLUMNS,
        rows: Rows::All(rows),
        empty: "Nothing is known that uses it. Disks of machines are looked at on the nodes before its files are removed.",
    })
}

fn kind_of(operation: &Value) -> &str {
    operation.get("kind").and_then(Value::as_str).unwrap_or("")
}

/// Whether an operation is about an image.
pub(super) fn names(operation: &Value, image: &Image) -> bool {
    let said = operation.get("image").and_then(Value::as_str);
    said.is_some_and(|said| said == image.name.as_str() || said == image.id.0.to_string())
}
