//! `ays consume`

use std::path::Path;
use std::sync::Arc;

use ays_model::{InstanceName, TemplateName};
use ays_operations::{Consume, Selection};

use crate::context;
use crate::failure::Failure;
use crate::render::table;
use crate::signals::stop_at_once;
use crate::targets::Targets;

/// Writes down that a service uses another one: `getProducer` of its methods finds it
#[derive(clap::Args)]
pub struct Args {
    /// The template of the service that uses the other one
    #[arg(short, long)]
    name: TemplateName,
    /// Its instance
    #[arg(short, long, default_value = "main")]
    instance: InstanceName,
    #[command(flatten)]
    targets: Targets,
    /// The other one: NAME, NAME:INSTANCE or DOMAIN:NAME:INSTANCE
    #[arg(long)]
    producer: String,
    /// What it is used as; default: the category that its recipe says, else its name
    #[arg(long)]
    category: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = Arc::new(context::environment(repo)?);
    let name = args.name.clone();
    let consume = Consume {
        template: args.name,
        instance: args.instance,
        nodes: Selection::from(&args.targets),
        producer: args.producer,
        category: args.category,
    };
    let consumed = consume.run(environment, stop_at_once()).await?;
    if args.json {
        return table::json(&consumed);
    }
    table::line(&format!("{name} uses {} as {}", consumed.producer, consumed.category))?;
    consumed.files.iter().try_for_each(|file| table::line(&format!("wrote   {}", file.display())))
}
