//! `ays stack`

mod list;
mod show;
mod state;

use std::path::Path;

use ays_catalogue::StackStatus;

use crate::failure::Failure;

/// Shows the stacks of the catalogue, and takes them out for a while
///
/// A stack is a node on which machines can start. One that is disabled or in maintenance offers no image; what is wanted on
/// it stays wanted. An install that reads the environment again does not enable what an operator disabled.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    /// Lets machines be started on a stack again
    Enable(state::Args),
    /// Takes a stack out: it offers nothing until it is enabled
    Disable(state::Args),
    /// Takes a stack out while something is done to it: it offers nothing until it is enabled
    Maintenance(state::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::List(args) => list::run(&args, repo).await,
        Command::Show(args) => show::run(args, repo).await,
        Command::Enable(args) => state::run(args, StackStatus::Enabled, repo).await,
        Command::Disable(args) => state::run(args, StackStatus::Disabled, repo).await,
        Command::Maintenance(args) => state::run(args, StackStatus::Maintenance, repo).await,
    }
}
