//! `ays runs`

use std::path::Path;

use ays_catalogue::{Run, RunStatus};
use ays_model::{NodeName, TemplateName};

use crate::failure::Failure;
use crate::render::{table, units};
use crate::site::Site;

/// Lists what was run on the nodes, the newest first
#[derive(clap::Args)]
pub struct Args {
    /// Of this template only
    #[arg(short, long)]
    name: Option<TemplateName>,
    /// On this node only
    #[arg(long)]
    node: Option<NodeName>,
    /// No more than so many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let runs = Site::find(repo)?.runs(args.name, args.node, args.limit).await?;
    if args.json {
        return table::json(&runs);
    }
    table::print(
        &["STARTED (UTC)", "SERVICE", "NODE", "RESULT", "TOOK", "MESSAGE"],
        runs.into_iter().map(row),
    )
}

fn row(run: Run) -> Vec<String> {
    let result = match run.status {
        RunStatus::Running => "running",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "FAILED",
        RunStatus::Interrupted => "interrupted",
    };
    // Most runs are of the one instance that a service has.
    let service = match run.instance.as_str() {
        "main" => run.service.into(),
        instance => format!("{}/{instance}", run.service),
    };
    vec![
        run.started_at.to_the_second(),
        service,
        run.node.into(),
        result.to_owned(),
        run.took_ms.map(took).unwrap_or_default(),
        run.message.unwrap_or_default(),
    ]
}

fn took(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{:.1}s", ms as f64 / 1000.0),
        _ => units::seconds(ms / 1000),
    }
}
