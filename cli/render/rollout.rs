//! How a rollout is shown: while it runs, and what it came to on its nodes.

use std::sync::{Arc, Mutex, PoisonError};

use ays_engine::{InstallError, Installed};
use ays_model::NodeName;
use ays_operations::{InstallFailed, NotInstalled, Tell};

use super::events::{Renderer, Style};
use super::table;
use crate::failure::Failure;

/// How the events of a rollout on so many nodes are shown.
pub fn style(json: bool, quiet: bool, nodes: usize) -> Style {
    match (json, quiet) {
        (true, _) => Style::Json,
        (false, true) => Style::Quiet,
        (false, false) if nodes > 1 => Style::Summary,
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
    nodes: Vec<(NodeName, Result<Installed, NotInstalled>)>,
    style: Style,
    again: impl FnOnce(&[&str]) -> String,
    interrupted: bool,
) -> Result<(), Failure> {
    if style == Style::Summary {
        table::line(&summary(&nodes))?;
    }
    let is_one = nodes.len() == 1;
    let failed = nodes.into_iter().filter_map(|(node, result)| Some((node, result.err()?)));
    let mut failed: Vec<(NodeName, NotInstalled)> = failed.collect();
    let what = what.to_owned();
    match failed.pop() {
        None => Ok(()),
        Some((node, NotInstalled::Failed(source))) if is_one => {
            Err(InstallFailed { what, node, source }.into())
        }
        Some(last) => {
            failed.push(last);
            let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
            let again = again(&names);
            Err(Failure::Rollout { what, failed, interrupted, again })
        }
    }
}

/// `12 nodes: 10 installed, 1 had nothing to do, 1 failed`.
fn summary(nodes: &[(NodeName, Result<Installed, NotInstalled>)]) -> String {
    type Ended = Result<Installed, NotInstalled>;
    let count = |is: fn(&Ended) -> bool| nodes.iter().filter(|(_, ended)| is(ended)).count();
    let interrupted = count(|ended| match ended {
        Err(NotInstalled::Failed(error)) => matches!(**error, InstallError::Interrupted),
        _ => false,
    });
    let counts = [
        (count(|ended| matches!(ended, Ok(Installed::Now))), "installed"),
        (count(|ended| matches!(ended, Ok(Installed::Before))), "had nothing to do"),
        (count(Result::is_err) - interrupted, "failed"),
        (interrupted, "interrupted"),
    ];
    let said = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("{} nodes: {}", nodes.len(), said.collect::<Vec<_>>().join(", "))
}
