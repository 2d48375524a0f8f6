//! `ays node`

mod add;
mod check;

use std::path::Path;

use crate::failure::Failure;

/// Adds a node, and checks nodes
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Add(add::Args),
    Check(check::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::Add(args) => add::run(args, repo).await,
        Command::Check(args) => check::run(args, repo).await,
    }
}
