//! `ays catalogue check`

use std::path::Path;

use ays_operations::{CheckCatalogue, Repair};

use crate::context;
use crate::failure::Failure;
use crate::render::catalogue_check::Report;
use crate::render::{pools, table};
use crate::signals::stop_at_once;

/// Compares the catalogue with itself, and with what the pools hold
///
/// Files that are missing, have another length, or are there and not recorded; what ays-images.json says; whose the pool is.
/// No image's bytes are read: that is `ays scrub`. Nothing is changed without --repair.
#[derive(clap::Args)]
pub struct Args {
    /// Mend what can be mended without a loss: write indexes, stop offering what is not there, record files that were found
    #[arg(long)]
    repair: bool,
    /// Why, for the records
    #[arg(long, value_name = "TEXT", requires = "repair")]
    reason: Option<String>,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let controller = context::controller_of(repo).await?;
    let ssh = context::ssh(&controller.environment, args.accept_new_host_key)?;
    let repair = if args.repair { Repair::Safe } else { Repair::Nothing };
    let check = CheckCatalogue { repair, reason: args.reason };
    let checked = check.run(controller, ssh, stop_at_once(), pools::tell()).await?;
    let report = Report::new(&checked);
    if args.json {
        table::json(&report)?;
    } else {
        table::line(&report.to_string())?;
    }
    if checked.is_well() { Ok(()) } else { Err(Failure::CatalogueDiffers(report.open())) }
}
