//! `ays env`

mod author;
mod clone;
mod init;
mod link;
mod pull;
mod rename;
mod save;
mod status;
mod trust;

use std::path::Path;

use ays_repository::{Change, How, What};

pub use pull::Args as PullArgs;
pub use pull::run as run_pull;
pub use save::Args as SaveArgs;
pub use save::run as run_save;

use crate::failure::Failure;
use crate::render::table;

/// Works with the environment's repository: brings it here, up to date, and back
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Clone(clone::Args),
    Pull(pull::Args),
    Status(status::Args),
    Save(save::Args),
    Init(init::Args),
    Trust(trust::Args),
    Rename(rename::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::Clone(args) => clone::run(args).await,
        Command::Pull(args) => pull::run(args, repo).await,
        Command::Status(args) => status::run(args, repo).await,
        Command::Save(args) => save::run(args, repo).await,
        Command::Init(args) => init::run(&args),
        Command::Trust(args) => trust::run(&args, repo).await,
        Command::Rename(args) => rename::run(&args, repo),
    }
}

/// A line for each change.
fn show_changes(changes: &[Change]) -> Result<(), Failure> {
    for Change { what, change } in changes {
        let how = match change {
            How::Added => "added",
            How::Changed => "changed",
            How::Removed => "removed",
        };
        let what = match what {
            What::Template { name } => name.to_string(),
            What::Service { template, name } => format!("{template} {name}"),
            What::File { path } => path.display().to_string(),
        };
        table::line(&format!("  {how:7}  {what}"))?;
    }
    Ok(())
}

/// A commit as people write it.
fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// `1 commit`, `2 commits`.
fn commits(count: usize) -> String {
    if count == 1 { "1 commit".to_owned() } else { format!("{count} commits") }
}
