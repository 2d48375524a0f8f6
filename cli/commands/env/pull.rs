//! `ays env pull`

use std::path::Path;

use ays_operations::pull;
use ays_repository as git;

use super::link::{self, Link};
use super::{commits, short, show_changes};
use crate::failure::Failure;
use crate::render::table;
use crate::signals::stop_at_once;

/// Brings what is new at the remote, and says what it is
///
/// Only forward, and never over changes that are only here: where it stops, nothing was changed, and what to do is said.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    link: link::Options,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let root = git::root_of(repo.unwrap_or(Path::new(".")))?;
    let (link, access) = Link::new(&args.link)?;
    let pulled = link.end(pull(root, access, stop_at_once())).await?;
    if args.json {
        return table::json(&pulled);
    }
    let (branch, commit) = (&pulled.branch, short(&pulled.commit));
    table::line(&match pulled.commits {
        0 => format!("{branch} is up to date at {commit}"),
        count => format!("{branch} is at {commit}, {} came", commits(count)),
    })?;
    show_changes(&pulled.changes)?;
    match pulled.ahead {
        0 => Ok(()),
        count => table::line(&format!("{} not pushed: ays env save", commits(count))),
    }
}
