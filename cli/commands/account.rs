//! `ays account`

mod create;
mod delete;
mod list;
mod policy;
mod show;
mod test;

use std::path::Path;

use ays_operations::{Error, Kind};
use ays_publish::{FileFormat, Seen};
use clap::Subcommand;

use crate::failure::Failure;
use crate::render::table;

/// Accounts at clouds and registries, with which images are published
///
/// What is known of an account beside its secrets is in the catalogue. Its secrets are among the environment's: in the encrypted
/// file, behind secrets.command, or in variables, as account.NAME.KEY.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Create(create::Args),
    List(list::Args),
    Show(show::Args),
    Test(test::Args),
    Delete(delete::Args),
    Policy(policy::Args),
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    match args.verb {
        Verb::Create(args) => create::run(args, repo).await,
        Verb::List(args) => list::run(&args, repo).await,
        Verb::Show(args) => show::run(&args, repo).await,
        Verb::Test(args) => test::run(args, repo).await,
        Verb::Delete(args) => delete::run(args, repo).await,
        Verb::Policy(args) => policy::run(&args),
    }
}

/// What an account can see.
fn print_seen(seen: &Seen) -> Result<(), Failure> {
    for (kind, names) in &seen.found {
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        table::line(&format!("  {kind}: {names}"))?;
    }
    Ok(())
}

/// The text of a file that says accounts or fields, and what it is written in, by its name.
pub(super) fn read_file(file: &Path) -> Result<(String, FileFormat), Failure> {
    let format = file.to_str().and_then(FileFormat::of).ok_or_else(|| {
        let ends = format!("{}: its name ends with none of .toml .yaml .yml .json", file.display());
        Error::new(Kind::Usage, ends)
    })?;
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|source| Failure::Unreadable { path: file.to_owned(), source })?;
    Ok((text, format))
}
