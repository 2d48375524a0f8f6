//! `ays publication show`

use std::path::Path;

use ays_catalogue::{ObjectState, PublicationId};

use super::status;
use crate::failure::Failure;
use crate::render::{table, units};
use crate::site::{PublicationShown, Site};

/// Shows a publication: its fields, how it ended, and all that it made
#[derive(clap::Args)]
pub struct Args {
    /// Its number: ays publication list
    publication: i64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let shown = Site::find(repo)?.publication(PublicationId(args.publication)).await?;
    if args.json {
        return table::json(&shown);
    }
    let PublicationShown { publication: of, ledger } = shown;
    let fields: Vec<_> = of.fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut rows = vec![
        ("image", format!("{}, generation {} ({})", of.image, of.generation, of.content)),
        ("account", format!("{} ({})", of.account, of.target)),
        ("fields", fields.join(" ")),
        ("status", status(&of)),
        ("asked", format!("{} UTC by {}", of.created_at.to_the_second(), of.actor)),
    ];
    rows.extend(of.ended_at.as_ref().map(|at| ("ended", format!("{} UTC", at.to_the_second()))));
    rows.push(("sent", units::bytes(of.bytes_done)));
    rows.extend(of.problem.clone().map(|problem| ("problem", problem)));
    rows.extend(of.cloud_id.clone().map(|id| ("cloud id", id)));
    rows.extend(of.location.clone().map(|location| ("location", location)));
    for (key, value) in rows {
        table::line(&format!("{key:8}  {value}"))?;
    }
    for object in ledger {
        let state = match object.state {
            ObjectState::Intended => "perhaps there",
            ObjectState::Made => "there",
            ObjectState::Kept => "kept",
            ObjectState::Removed => "not there",
        };
        let name = object.cloud_id.as_ref().unwrap_or(&object.key);
        table::line(&format!("  {:13}  {:8}  {name}", state, object.kind))?;
    }
    Ok(())
}
