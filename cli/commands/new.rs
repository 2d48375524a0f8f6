//! `ays new`

use std::path::Path;

use crate::commands::{new_ci, new_image};
use crate::failure::Failure;

/// Writes the files of something new into the environment
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Image(Box<new_image::Args>),
    Ci(new_ci::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::Image(args) => new_image::run(*args, repo).await,
        Command::Ci(args) => new_ci::run(&args, repo),
    }
}
