//! What the last check of each node found.

use std::collections::HashMap;

use ays_catalogue::{JobFilter, Timestamp};
use ays_operations::{self as operations, CheckedNode, Controller};

use crate::failure::Failure;

/// What was found, and when, by the node's name.
pub(super) type CheckedNodes = HashMap<String, (CheckedNode, Timestamp)>;

/// So many of the last jobs are looked through.
const JOBS: u32 = 300;

/// Of each node, what the last job that checked it found.
pub(super) async fn checked_nodes(controller: &Controller) -> Result<CheckedNodes, Failure> {
    let filter = JobFilter { limit: Some(JOBS), ..JobFilter::default() };
    let jobs = operations::jobs(controller.clone(), filter).await?;
    let mut found = CheckedNodes::new();
    for job in jobs.into_iter().filter(|job| job.kind == "checkNodes") {
        let (Some(report), Some(at)) = (job.report, job.ended_at) else { continue };
        // What another version wrote is not for this one.
        let nodes: Vec<CheckedNode> = serde_json::from_value(report).unwrap_or_default();
        for node in nodes {
            found.entry(node.node.as_str().to_owned()).or_insert((node, at.clone()));
        }
    }
    Ok(found)
}
