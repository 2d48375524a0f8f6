//! `ays stack enable`, `disable`, `maintenance`

use std::path::Path;

use ays_catalogue::StackStatus;
use ays_model::NodeName;
use ays_operations::{ChangeStack, ChangedStack};

use crate::context;
use crate::failure::Failure;
use crate::render::{pools, table};
use crate::signals::stop_at_once;

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
}

pub async fn run(args: Args, to: StackStatus, repo: Option<&Path>) -> Result<(), Failure> {
    let controller = context::controller_of(repo).await?;
    let ssh = context::ssh(&controller.environment, args.accept_new_host_key)?;
    let stack = args.stack;
    let change = ChangeStack { stack: stack.clone(), to, reason: args.reason };
    let stop = stop_at_once();
    let ChangedStack { changed, failed } = change.run(controller, ssh, stop.clone(), pools::tell()).await?;
    let state = table::word(&to);
    let before = if changed.is_same() { " already" } else { "" };
    table::line(&format!("{stack} is {state}{before}"))?;
    if failed.is_empty() {
        return Ok(());
    }
    let verb = match to {
        StackStatus::Enabled => "enable",
        StackStatus::Maintenance => "maintenance",
        StackStatus::Disabled => "disable",
    };
    Err(Failure::NotPublished {
        said: pools::not_published(&failed),
        again: format!("ays stack {verb} {stack}"),
        interrupted: stop.is_wanted(),
    })
}
