//! `ays node check`

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use ays_model::Record;
use ays_operations::{CheckNodes, Selected, Selection, Tell};
use ays_recipes::Flag;

use crate::context;
use crate::failure::Failure;
use crate::render::{check, table};
use crate::signals::stop_at_once;

/// Checks that nodes can be installed on: that they are reached and let in, and have what installs need
///
/// Each that is not as it should be is shown with what is wrong and what cures it. Errors keep installs from working,
/// warnings do not yet.
#[derive(clap::Args)]
pub struct Args {
    /// The nodes' names, or patterns ('n*'); without one all are meant
    nodes: Vec<String>,
    /// The most nodes that are examined at once (setting install.parallel)
    #[arg(long, value_name = "N")]
    parallel: Option<NonZeroUsize>,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON, one object a line: events, then what each node has
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let parallel = args.parallel.map(|number| Flag {
        key: "install.parallel",
        flag: "--parallel",
        value: number.to_string(),
    });
    let environment = Arc::new(context::environment_with(repo, parallel.into_iter().collect())?);
    let Selected { targets, broken } = Selection::named(args.nodes).select(&environment)?;
    let is_json = args.json;
    let tell: Tell = Arc::new(move |record: Record| {
        if is_json {
            // A reader that went away does not end a check.
            let _ = table::json_line(&record);
        }
    });
    let ssh = context::ssh(&environment, args.accept_new_host_key)?;
    let checked = CheckNodes { targets }.run(environment, ssh, stop_at_once(), tell).await?;
    let rows: Vec<_> = checked
        .iter()
        .map(check::Row::new)
        .chain(broken.iter().map(|(name, error)| check::Row::of_file(name, error)))
        .collect();
    if args.json {
        rows.iter().try_for_each(table::json_line)?;
    } else {
        for row in &rows {
            table::line(&row.to_string())?;
        }
    }
    match rows.iter().filter(|row| row.has_errors()).count() {
        0 => Ok(()),
        unfit => Err(Failure::Unfit { unfit, of: rows.len() }),
    }
}
