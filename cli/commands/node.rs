//! `ays node`

mod add;
mod check;

use std::path::Path;
use std::time::Duration;

use ays_engine::{Checked, Checkup, Record};
use ays_model::Target;
use ays_recipes::Environment;
use ays_transport::{SshSettings, Transport};

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

/// Checks nodes over connections of its own: one that was kept would not show what a new one meets.
async fn checked(
    environment: &Environment,
    ssh: SshSettings,
    targets: &[Target],
    show: &(dyn Fn(&Record) + Send + Sync),
) -> Result<Vec<Checked>, Failure> {
    let settings = &environment.settings;
    let checkup = Checkup {
        transport: &Transport::Ssh(SshSettings { keep: Duration::ZERO, ..ssh }),
        downloads: Path::new(settings.value("system.paths.tmp").unwrap_or("/tmp")),
        parallel: settings.install.parallel,
        show,
    };
    tokio::select! {
        checked = checkup.run(targets) => Ok(checked),
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    }
}
