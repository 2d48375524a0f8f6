//! `ays stack list`

use std::path::Path;

use ays_catalogue::Stack;

use crate::failure::Failure;
use crate::render::table;
use crate::site::Site;

/// Lists all stacks: those of the environment, and those that it has no more
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: &Args, repo: Option<&Path>) -> Result<(), Failure> {
    let stacks = Site::find(repo)?.stacks().await?;
    if args.json {
        return table::json(&stacks);
    }
    let rows = stacks.into_iter().map(|stack| {
        let why = why(&stack);
        let images = stack.images.len().to_string();
        vec![stack.name.into(), stack.gid.to_string(), table::word(&stack.status), images, stack.descr, why]
    });
    table::print(&["NAME", "GRID", "STATUS", "IMAGES", "POOL", "WHY"], rows)
}

/// Why a stack is as it is.
pub fn why(stack: &Stack) -> String {
    if !stack.in_environment {
        return "the environment has it no more".to_owned();
    }
    match (&stack.status_by, &stack.status_reason) {
        (Some(by), Some(reason)) => format!("{by}: {reason}"),
        (Some(by), None) => by.clone(),
        (None, _) => String::new(),
    }
}
