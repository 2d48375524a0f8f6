//! `ays catalogue`

mod check;

use std::path::{Path, PathBuf};

use ays_operations::CatalogueAt;
use ays_recipes::Flag;

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Checks, keeps, restores and moves the catalogue: what is known of images, stacks, installs and runs
///
/// It is a file of this machine, or a PostgreSQL database that a team shares: the setting `database`, AYS_DATABASE or
/// --database. The images' files and the marks of pools stay where they are.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(check::Args),
    /// Writes all of it to a new file, while others go on working
    Backup {
        /// The file: an SQLite database
        file: PathBuf,
    },
    /// Takes over what `ays catalogue backup` wrote, where there is no catalogue yet
    Restore {
        /// The file
        file: PathBuf,
    },
    /// Moves it to another database; the old one opens no more
    ///
    /// Every row is compared when it has arrived. Afterwards every controller names the new place in the setting `database`.
    MoveTo {
        /// postgres://USER:$(secret.NAME)@HOST/DATABASE, or `file` for this machine's own file
        to: String,
    },
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.command {
        Command::Check(args) => check::run(args, repo).await,
        Command::Backup { file } => {
            let rows = here(repo)?.back_up(file.clone()).await?;
            table::line(&format!("{}: {}", file.display(), counted(rows)))
        }
        Command::Restore { file } => {
            let here = here(repo)?;
            let place = here.place.clone();
            let rows = here.restore(file, std::env::temp_dir()).await?;
            table::line(&format!("{place}: {}", counted(rows)))
        }
        Command::MoveTo { to } => {
            let value = if to == "file" { String::new() } else { to.clone() };
            let flag = Flag { key: "database", flag: "ays catalogue move-to", value: value.clone() };
            let there = at(&context::environment_with(repo, vec![flag])?)?;
            let place = there.place.clone();
            let rows = here(repo)?.move_to(there).await?;
            table::line(&format!("{place}: {}", counted(rows)))?;
            table::line(&format!("now set it in ays.toml: database = {value:?}"))
        }
    }
}

fn here(repo: Option<&Path>) -> Result<CatalogueAt, Failure> {
    at(&context::environment(repo)?)
}

fn at(environment: &ays_recipes::Environment) -> Result<CatalogueAt, Failure> {
    let (place, environment) = context::place_of_catalogue(environment)?;
    Ok(CatalogueAt { place, environment })
}

fn counted(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}
