//! `ays makelocal`

use std::path::Path;
use std::sync::Arc;

use ays_model::TemplateName;
use ays_operations::MakeLocal;

use crate::context;
use crate::failure::Failure;
use crate::render::table;
use crate::signals::stop_at_once;

/// Makes a recipe of another repository one of this environment
#[derive(clap::Args)]
pub struct Args {
    /// The template's name, there and here
    #[arg(short, long)]
    name: TemplateName,
    /// The other repository: its address, or its directory
    #[arg(long)]
    url: String,
    /// Its branch; default: its main one
    #[arg(long)]
    branch: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let environment = Arc::new(context::environment(repo)?);
    let (cache, ssh) = (context::git_cache(&environment)?, context::ssh(&environment, false)?);
    let make = MakeLocal { template: args.name, url: args.url, branch: args.branch };
    let made = make.run(environment, cache, ssh, stop_at_once()).await?;
    if args.json {
        return table::json(&made);
    }
    table::line(&format!("commit  {}", made.commit))?;
    made.files.iter().try_for_each(|file| table::line(&format!("wrote   {file}")))
}
