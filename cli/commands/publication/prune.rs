//! `ays publication prune`

use std::path::Path;

use ays_operations::{Kind, PrunePublications, PrunedPublication};

use crate::failure::Failure;
use crate::prompt;
use crate::render::events::Style;
use crate::render::{rollout, table};
use crate::signals::stop_at_once;
use crate::site::Site;

/// Removes old generations of images from an account, after it has shown which
///
/// What the cloud itself says is used stays, and is told.
#[derive(clap::Args)]
pub struct Args {
    /// The account
    #[arg(long, value_name = "ACCOUNT")]
    account: String,
    /// How many generations of each image stay
    #[arg(long, value_name = "N", default_value_t = 3)]
    keep: u32,
    /// Remove without a question
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let perform = |look: bool| {
        let prune = PrunePublications { account: args.account.clone(), keep: args.keep, look };
        let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Summary });
        site.perform::<Vec<PrunedPublication>>(prune, false, stop_at_once(), tell)
    };
    let looked = perform(true).await?;
    if !args.json {
        if looked.is_empty() {
            return table::line("there is nothing to remove");
        }
        for of in &looked {
            table::line(&format!("publication {}: generation {} of {}", of.id, of.generation, of.image))?;
        }
    }
    let agreed =
        args.yes || (!args.json && prompt::possible() && prompt::confirm("Remove them?", Some(false))?);
    if !agreed {
        return if args.json {
            table::json(&looked)
        } else {
            table::line("nothing was removed: --yes removes them")
        };
    }
    let removed = perform(false).await?;
    if args.json {
        table::json(&removed)?;
    } else {
        let gone = removed.iter().filter(|of| of.removed).count();
        table::line(&format!("{gone} of {} removed", removed.len()))?;
    }
    let problem = |of: &PrunedPublication| {
        let problem = of.problem.as_ref()?;
        Some(format!("publication {}: {}", of.id, problem.in_one_line()))
    };
    let said: Vec<_> = removed.iter().filter_map(problem).collect();
    if said.is_empty() { Ok(()) } else { Err(Failure::AtClouds { said, kind: Kind::Failed }) }
}
