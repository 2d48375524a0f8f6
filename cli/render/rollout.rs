//! How a rollout is shown: while it runs, and what it came to on its nodes.

use std::sync::{Arc, Mutex, PoisonError};

use ays_model::{NodeName, RunResult};
use ays_operations::{Error, InstalledOn, Problem, Tell};

use super::events::{Renderer, Style};
use super::table;
use crate::failure::Failure;

/// How the events of a rollout are shown, on one node or on several.
pub fn style(json: bool, quiet: bool, are_several: bool) -> Style {
    match (json, quiet) {
        (true, _) => Style::Json,
        (false, true) => Style::Quiet,
        (false, false) if are_several => Style::Summary,
        (false, false) => Style::Steps,
    }
}

/// Shows events so.
pub fn tell(style: Style) -> Tell {
    let renderer = Mutex::new(Renderer::new(style));
    Arc::new(move |record| renderer.lock().unwrap_or_else(PoisonError::into_inner).show(&record))
}

/// Shows how it ended. `what` was installed; `again` is the command that does the same on the nodes of these names.
pub fn end(
    what: &str,
    nodes: Vec<InstalledOn>,
    style: Style,
    again: impl FnOnce(&[&str]) -> String,
    interrupted: bool,
) -> Result<(), Failure> {
    if style == Style::Summary {
        table::line(&summary(&nodes))?;
    }
    let is_one = nodes.len() == 1;
    let failed = nodes.into_iter().filter_map(|on| Some((on.node, on.problem?)));
    let mut failed: Vec<(NodeName, Problem)> = failed.collect();
    match failed.pop() {
        None => Ok(()),
        Some((node, problem)) if is_one => {
            Err(Error::from(problem.led_to(format!("{what} on {node} was not installed"))).into())
        }
        Some(last) => {
            failed.push(last);
            let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
            let (again, what) = (again(&names), what.to_owned());
            Err(Failure::Rollout { what, failed, interrupted, again })
        }
    }
}

/// `12 nodes: 10 installed, 1 had nothing to do, 1 failed`.
fn summary(nodes: &[InstalledOn]) -> String {
    let said = RunResult::ALL.iter().filter_map(|result| {
        let count = nodes.iter().filter(|on| on.result == *result).count();
        let what = match result {
            RunResult::Unchanged => "had nothing to do",
            other => other.as_str(),
        };
        (count > 0).then(|| format!("{count} {what}"))
    });
    format!("{} nodes: {}", nodes.len(), said.collect::<Vec<_>>().join(", "))
}
