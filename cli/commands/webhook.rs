//! `ays webhook`

mod add;
mod list;
mod remove;

use std::path::Path;

use clap::Subcommand;

use crate::failure::Failure;

/// Webhooks: addresses that are told of changes, by whatever worker runs
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Add(add::Args),
    List(list::Args),
    Remove(remove::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.verb {
        Verb::Add(args) => add::run(args, repo).await,
        Verb::List(args) => list::run(&args, repo).await,
        Verb::Remove(args) => remove::run(&args, repo).await,
    }
}
