//! `ays resetstate`

use std::path::Path;

use ays_model::{InstanceName, TemplateName};
use ays_operations::{Selection, reset_state};

use crate::failure::Failure;
use crate::render::table;
use crate::signals::stop_at_once;
use crate::site::Site;
use crate::targets::Targets;

/// Forgets that a service is installed: the next install does all of it again. Nothing is done on the nodes
#[derive(clap::Args)]
pub struct Args {
    /// The template
    #[arg(short, long)]
    name: TemplateName,
    /// The instance
    #[arg(short, long, default_value = "main")]
    instance: InstanceName,
    #[command(flatten)]
    targets: Targets,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let site = Site::find(repo)?;
    let name = site.environment()?.template(&args.name)?.name.clone();
    let nodes = Selection::from(&args.targets);
    let forgotten =
        reset_state(site.controller().await?, name.clone(), args.instance, nodes, stop_at_once()).await?;
    if args.json {
        return table::json(&forgotten);
    }
    forgotten.iter().try_for_each(|node| table::line(&format!("{name} on {node}: forgotten")))
}
