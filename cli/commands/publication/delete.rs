//! `ays publication delete`

use std::path::Path;

use ays_catalogue::PublicationId;
use ays_operations::{RemovePublication, RemovedPublication};

use crate::failure::Failure;
use crate::render::events::Style;
use crate::render::{rollout, table};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Deletes a publication; with --remote, all that it made at its cloud as well
#[derive(clap::Args)]
pub struct Args {
    /// Its number: ays publication list
    publication: i64,
    /// Remove what it made there too
    #[arg(long)]
    remote: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Summary });
    let remove = RemovePublication { id: PublicationId(args.publication), remote: args.remote };
    let removed: RemovedPublication = site.perform(remove, false, stop_at_once(), tell).await?;
    if args.json {
        return table::json(&removed);
    }
    table::line(&format!("publication {} is deleted", removed.id))?;
    for object in &removed.kept {
        let name = object.cloud_id.as_ref().unwrap_or(&object.key);
        table::line(&format!("  the {} {name} stays at its cloud", object.kind))?;
    }
    Ok(())
}
