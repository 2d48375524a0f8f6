//! `ays node check`

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use ays_model::Record;
use ays_operations::{CheckNodes, Tell};

use crate::failure::Failure;
use crate::render::{check, table};
use crate::signals::stop_at_once;
use crate::site::Site;

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
    let is_json = args.json;
    let tell: Tell = Arc::new(move |record: Record| {
        if is_json {
            // A reader that went away does not end a check.
            let _ = table::json_line(&record);
        }
    });
    let check = CheckNodes { nodes: args.nodes, parallel: args.parallel };
    let checked =
        Site::find(repo)?.check_nodes(check, args.accept_new_host_key, stop_at_once(), tell).await?;
    if args.json {
        checked.iter().try_for_each(table::json_line)?;
    } else {
        checked.iter().try_for_each(|node| table::line(&check::shown(node)))?;
    }
    match checked.iter().filter(|node| node.has_errors()).count() {
        0 => Ok(()),
        unfit => Err(Failure::Unfit { unfit, of: checked.len() }),
    }
}
