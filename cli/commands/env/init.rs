//! `ays env init`

use std::path::PathBuf;

use ays_repository as git;

use super::author::author;
use super::short;
use crate::failure::Failure;
use crate::render::{quoted, table};

/// Makes a new environment: a repository with servicetemplates/, services/ and ays.toml
///
/// In a repository that is there, it makes and commits what is missing. Nothing is overwritten.
#[derive(clap::Args)]
pub struct Args {
    /// Where
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The environment's name, for ays.toml; without one it is the repository's
    #[arg(long)]
    name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let author = author(&args.dir)?;
    let made = git::init(&args.dir, args.name.as_deref(), &author.author)?;
    author.keep(&made.root)?;
    if args.json {
        return table::json(&made);
    }
    let place = made.root.display().to_string();
    let Some(commit) = &made.commit else {
        return table::line(&format!("{place} has all that an environment needs"));
    };
    table::line(&format!("{place} is an environment, branch {} at {}", made.branch, short(commit)))?;
    let remote = if made.has_remote { "" } else { "  git remote add origin URL\n" };
    table::line(&format!("next:\n  cd {}\n{remote}  ays env save", quoted(&place)))
}
