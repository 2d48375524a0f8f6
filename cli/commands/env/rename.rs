//! `ays env rename`

use std::path::Path;

use ays_repository as git;

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Gives this clone's environment another name on this machine
///
/// Its catalogue and its secrets are those of that name. It is for a repository that has the name of another one; the name
/// is kept in the clone's own configuration of git (ays.name), and the repository stays as it is.
#[derive(clap::Args)]
pub struct Args {
    /// The name
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
}

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let root = git::root_of(repo.unwrap_or(Path::new(".")))?;
    git::set_clone_name(&root, &args.name)?;
    let environment = context::environment(Some(&root))?;
    environment.secrets.claim()?;
    table::line(&format!("this clone's environment is `{}` here", environment.name()))
}
