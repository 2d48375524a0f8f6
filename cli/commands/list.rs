//! `ays list`

use std::path::Path;

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

#[derive(serde::Serialize)]
struct Row {
    name: String,
    category: Option<String>,
    path: String,
}

pub fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = context::environment(repo)?;
    let rows: Vec<Row> = environment
        .templates()
        .into_iter()
        .map(|template| Row {
            category: template.category(),
            path: template.dir.strip_prefix(&environment.root).unwrap_or(&template.dir).display().to_string(),
            name: template.name,
        })
        .collect();
    if args.json {
        return table::json(&rows);
    }
    let rows = rows.into_iter().map(|row| vec![row.name, row.category.unwrap_or_default(), row.path]);
    table::print(&["TEMPLATE", "CATEGORY", "PATH"], rows)
}
