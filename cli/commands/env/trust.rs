//! `ays env trust`

use std::path::Path;

use ays_catalogue::Catalogue;
use ays_secrets::SecretsError;

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Says that this clone's remote is the environment's: its secrets and its catalogue are for it from now on
///
/// They are bound to the remote's address when they are used first, so that a repository that only has the same name finds
/// neither. This is for a repository that has moved, or whose address is written otherwise now.
#[derive(clap::Args)]
pub struct Args {}

pub async fn run(_: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    let home = environment.secrets.home().ok_or(Failure::NoHome)?;
    let before = home.trust().map_err(SecretsError::from)?;
    // A database that a team shares knows of every environment whose it is, too.
    if environment.settings.database.is_some() {
        let (place, key) = context::place_of_catalogue(&environment)?;
        Catalogue::trust(&place, &key).await?;
    }
    let now = home.repository.shown();
    table::line(&match before {
        Some(before) => format!("`{}` is the environment of {now}, and no more of {before}", home.name),
        None => format!("`{}` is the environment of {now}", home.name),
    })
}
