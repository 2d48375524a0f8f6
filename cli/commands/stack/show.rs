//! `ays stack show`

use std::collections::HashMap;
use std::path::Path;

use ays_model::NodeName;

use super::list::why;
use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

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
    let site = Site::find(repo)?;
    let stack = site.stack(&args.stack).await?;
    if args.json {
        return table::json(&stack);
    }
    let names: HashMap<_, _> =
        site.images().await?.into_iter().map(|image| (image.id, image.name.to_string())).collect();
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
