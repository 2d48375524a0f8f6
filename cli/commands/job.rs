//! `ays job`

mod cancel;
mod follow;
mod list;
mod retry;
mod show;

use std::path::Path;

use ays_operations::Operation;
use clap::Subcommand;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Jobs: what was asked for with --detach, by a schedule or through a server
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    List(list::Args),
    Show(show::Args),
    Follow(follow::Args),
    Cancel(cancel::Args),
    Retry(retry::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.verb {
        Verb::List(args) => list::run(&args, repo).await,
        Verb::Show(args) => show::run(&args, repo).await,
        Verb::Follow(args) => follow::run(&args, repo).await,
        Verb::Cancel(args) => cancel::run(&args, repo).await,
        Verb::Retry(args) => retry::run(&args, repo).await,
    }
}

/// Lets a worker do an operation, and says how to see it.
pub async fn detach(site: &Site, operation: impl Into<Operation>) -> Result<(), Failure> {
    let id = site.add_job(operation).await?;
    table::line(&format!("job {id} is queued; `ays job follow {id}` shows it"))
}
