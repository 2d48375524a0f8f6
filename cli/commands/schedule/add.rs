//! `ays schedule add`

use std::path::Path;

use ays_operations::{Every, InstallOutdated, Operation, Outdated, Prune, PruneFiles, ScrubCopies};
use clap::ValueEnum;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Asks for an operation again and again; a worker must run to do it
#[derive(clap::Args)]
pub struct Args {
    /// When, in UTC: 'daily 03:00', 'weekly sun 03:00', 'hourly', 'every 15m', 'every 2h'
    every: Every,
    /// What is done
    what: What,
    /// Only of this image (scrub, prune) or this template (install-outdated)
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// How many generations stay in each pool beside the one that is offered (prune)
    #[arg(long, value_name = "N", default_value_t = 2)]
    keep: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Every copy is read again, and what is damaged is brought again from a good copy
    Scrub,
    /// Sources are asked whether they have changed
    Outdated,
    /// What is outdated is installed again
    InstallOutdated,
    /// Old generations are removed that nothing uses
    Prune,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let Args { every, what, only, keep, json } = args;
    let operation: Operation = match what {
        What::Scrub => ScrubCopies { image: only, heal: true, ..ScrubCopies::default() }.into(),
        What::Outdated => Outdated {}.into(),
        What::InstallOutdated => {
            InstallOutdated { template: only.map(Into::into), ..InstallOutdated::default() }.into()
        }
        What::Prune => Prune { image: only, keep, files: PruneFiles::All, reason: None }.into(),
    };
    let schedule = Site::find(repo)?.add_schedule(every, operation).await?;
    if json {
        return table::json(&schedule);
    }
    let next = schedule.next_at.to_the_second();
    table::line(&format!("schedule {}: {}, next at {next} UTC", schedule.id, schedule.every))
}
