//! `ays pool`

mod adopt;

use std::path::Path;

use crate::failure::Failure;

/// Takes pools over from other catalogues
///
/// A pool has one owner: the catalogue that first installed into it. Every other one is refused, so that two controllers
/// do not write over what the other says in the pool's ays-images.json.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Adopt(adopt::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::Adopt(args) => adopt::run(args, repo).await,
    }
}
