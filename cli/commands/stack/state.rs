//! `ays stack enable`, `disable`, `maintenance`

use std::path::Path;

use ays_catalogue::StackStatus;
use ays_model::NodeName;
use ays_operations::{ChangeStack, ChangedStack};

use crate::failure::Failure;
use crate::render::{pools, table};
use crate::signals::stop_at_once;
use crate::site::Site;

#[derive(clap::Args)]
pub struct Args {
    /// Its name: its node's
    stack: NodeName,
    /// Why, for the records
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, to: StackStatus, repo: Option<&Path>) -> Result<(), Failure> {
    let change = ChangeStack { stack: args.stack, to, reason: args.reason };
    let (site, stop) = (Site::find(repo)?, stop_at_once());
    let done: ChangedStack =
        site.perform(change, args.accept_new_host_key, stop.clone(), pools::tell()).await?;
    let ChangedStack { stack, before, after, pools: changed } = &done;
    if args.json {
        table::json(&done)?;
    } else {
        let already = if before == after { " already" } else { "" };
        table::line(&format!("{stack} is {}{already}", table::word(&to)))?;
    }
    let verb = match to {
        StackStatus::Enabled => "enable",
        StackStatus::Maintenance => "maintenance",
        StackStatus::Disabled => "disable",
    };
    pools::all_written(changed, format!("ays stack {verb} {stack}"), &stop)
}
