//! `ays outdated`

use std::path::Path;

use ays_engine::{Asked, Freshness};
use ays_operations::Outdated;

use crate::failure::{Failure, eprint_line};
use crate::render::{pools, table};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Asks the source of every image whether it has changed, without downloading anything
///
/// Exit code 10 when an image is outdated, or a node has an older generation of it than another; 1 when a source could not
/// be asked; else 0. `ays install --outdated` brings what this finds.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let asked: Vec<Asked> =
        Site::find(repo)?.perform(Outdated {}, false, stop_at_once(), pools::tell()).await?;
    if args.json {
        table::json(&asked)?;
    } else {
        table::print(
            &["IMAGE", "GRID", "GENERATION", "MADE (UTC)", "STATE", "NODES BEHIND"],
            asked.iter().map(row),
        )?;
    }
    let unknown = |asked: &&Asked| matches!(asked.freshness, Freshness::Unknown(_));
    let outdated = asked.iter().filter(is_behind).count();
    for asked in asked.iter().filter(|_| !args.json) {
        if let Freshness::Outdated(why) | Freshness::Unknown(why) = &asked.freshness {
            eprint_line(&format!("{}: {why}", asked.image));
        }
    }
    match (outdated, asked.iter().filter(unknown).count()) {
        (0, 0) => Ok(()),
        (0, unknown) => Err(Failure::NotAsked(unknown)),
        (outdated, _) => Err(Failure::Outdated(outdated)),
    }
}

fn is_behind(asked: &&Asked) -> bool {
    matches!(asked.freshness, Freshness::Outdated(_)) || !asked.behind().is_empty()
}

fn row(asked: &Asked) -> Vec<String> {
    let state = match asked.freshness {
        Freshness::Current => "current",
        Freshness::Outdated(_) => "OUTDATED",
        Freshness::Unknown(_) => "unknown",
    };
    vec![
        asked.image.to_string(),
        asked.gid.to_string(),
        asked.generation.to_string(),
        asked.made_at.to_the_second(),
        state.to_owned(),
        asked.behind().iter().map(|has| has.node.as_str()).collect::<Vec<_>>().join(", "),
    ]
}
