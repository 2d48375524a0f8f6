//! What the last check of each node found.

use std::collections::HashMap;

use ays_catalogue::Timestamp;
use ays_operations::{CheckedNode, Controller};

use super::reports::reports;
use crate::failure::Failure;

/// What was found, and when, by the node's name.
pub(super) type CheckedNodes = HashMap<String, (CheckedNode, Timestamp)>;

/// Of each node, what the last job that checked it found.
pub(super) async fn checked_nodes(controller: &Controller) -> Result<CheckedNodes, Failure> {
    let mut found = CheckedNodes::new();
    for (node, _, at) in reports::<CheckedNode>(controller, "checkNodes").await? {
        found.entry(node.node.as_str().to_owned()).or_insert((node, at));
    }
    Ok(found)
}
