//! `ays hrdpath`

use std::path::Path;

use ays_model::{InstanceName, TemplateName};

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Prints where the parameters of a service are: the files of its instance, or of its template where it has none
#[derive(clap::Args)]
pub struct Args {
    /// The template
    #[arg(short, long)]
    name: TemplateName,
    /// The instance
    #[arg(short, long, default_value = "main")]
    instance: InstanceName,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    let template = environment.template(&args.name)?;
    let instances = environment.instances().iter();
    let of_it = instances.filter(|found| found.template == template.name && found.name == args.instance);
    let mut paths: Vec<_> = of_it.map(|found| found.dir.join("service.hrd")).collect();
    if paths.is_empty() {
        paths.push(template.dir.clone());
    }
    if args.json {
        return table::json(&paths);
    }
    paths.iter().try_for_each(|path| table::line(&path.display().to_string()))
}
