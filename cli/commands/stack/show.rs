//! `ays stack show`

use std::collections::HashMap;
use std::path::Path;

use ays_model::NodeName;
use ays_operations::{images, stack};

use super::list::why;
use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Shows one stack and the images that it offers
#[derive(clap::Args)]
pub struct Args {
    /// Its name: its node's
    stack: NodeName,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let controller = context::controller_of(repo).await?;
    let stack = stack(controller.clone(), args.stack).await?;
    if args.json {
        return table::json(&stack);
    }
    let names: HashMap<_, _> =
        images(controller).await?.into_iter().map(|image| (image.id, image.name.to_string())).collect();
    let offered: Vec<_> = stack.images.iter().filter_map(|id| names.get(id).map(String::as_str)).collect();
    table::line(&format!("Stack: {}\n", stack.name))?;
    let facts = [
        ("Grid", stack.gid.to_string()),
        ("Status", table::word(&stack.status)),
        ("Why", why(&stack)),
        ("Pool", stack.descr.clone()),
        ("Offers", if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") }),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        table::line(&format!("  {name:6}  {value}"))?;
    }
    Ok(())
}
