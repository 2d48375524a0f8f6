//! `ays list`

use std::path::Path;
use std::sync::Arc;

use ays_operations::{ListedTemplate, templates};

use crate::context;
use crate::failure::Failure;
use crate::render::table;

/// Lists the templates of the environment
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let listed = templates(Arc::new(context::environment(repo)?)).await?;
    if args.json {
        return table::json(&listed);
    }
    let row = |ListedTemplate { name, category, path }: ListedTemplate| {
        vec![name.into(), category.unwrap_or_default(), path]
    };
    table::print(&["TEMPLATE", "CATEGORY", "PATH"], listed.into_iter().map(row))
}
