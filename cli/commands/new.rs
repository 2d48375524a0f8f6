//! `ays new`

use std::path::Path;

use crate::commands::new_image;
use crate::failure::Failure;

/// Writes the files of something new into the environment
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Image(new_image::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::Image(args) => new_image::run(args, repo).await,
    }
}
