//! `ays image check`

use std::path::{Path, PathBuf};

use ays_engine::{findings, inspect_copy, inspect_file};
use ays_model::{Expected, Finding, Inspection, Severity, Target};
use ays_recipes::LookupError;
use ays_transport::Transport;
use serde::Serialize;

use crate::context;
use crate::failure::Failure;
use crate::render::{disk, table};
use crate::targets::all_nodes;

/// Looks into an image without mounting it: its system, how it starts, whether it can grow, cloud-init, VirtIO drivers
///
/// A file is read on this machine, an image of the catalogue on a node that has it; what is found of that is recorded.
/// Exit code 1: machines would not start from it.
#[derive(clap::Args)]
pub struct Args {
    /// A disk image (raw or qcow2) on this machine, or an image's name or id
    #[arg(value_name = "IMAGE|FILE")]
    asked: String,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    checked: String,
    /// The node that looked; none: this machine, at a file of its own.
    node: Option<String>,
    #[serde(flatten)]
    found: Inspection,
    findings: Vec<Finding>,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let file = PathBuf::from(&args.asked);
    let checked = if file.is_file() {
        let path = std::path::absolute(&file).and_then(|path| path.canonicalize());
        let path = path.map_err(|source| Failure::Unreadable { path: file, source })?;
        let found = inspect_file(&path, &std::env::temp_dir()).await?;
        let findings = found.findings(Expected::default());
        Checked { checked: args.asked, node: None, found, findings }
    } else {
        registered(args.asked, args.accept_new_host_key, repo).await?
    };
    if args.json {
        table::json(&checked)?;
    } else {
        show(&checked)?;
    }
    let is_error = |finding: &&Finding| finding.severity == Severity::Error;
    match checked.findings.iter().filter(is_error).count() {
        0 => Ok(()),
        errors => Err(Failure::WillNotWork { image: checked.checked, errors }),
    }
}

/// An image of the catalogue.
async fn registered(
    asked: String,
    accept_new_host_key: bool,
    repo: Option<&Path>,
) -> Result<Checked, Failure> {
    let environment = context::environment(repo)?;
    let catalogue = context::catalogue(&environment).await?;
    let Some(image) = catalogue.image(&asked).await? else {
        let images = catalogue.images().await?;
        let names = images.iter().map(|image| image.name.as_str());
        return Err(LookupError::unknown("image", &asked, names).into());
    };
    let nodes: Vec<Target> = all_nodes(&environment);
    let transport = Transport::Ssh(context::ssh(&environment, accept_new_host_key)?);
    let (node, found) = inspect_copy(&image, &nodes, &transport, &catalogue).await?;
    let findings = findings(&found, image.image.boot_type);
    Ok(Checked { checked: image.image.name, node: Some(node), found, findings })
}

fn show(Checked { checked, node, found, findings }: &Checked) -> Result<(), Failure> {
    let what = match node {
        Some(node) => format!("{checked} on {node}"),
        None => checked.clone(),
    };
    let mut lines = disk::inspection(&what, found);
    for Finding { severity, message, cure } in findings {
        let severity = match severity {
            Severity::Warning => "warning",
            Severity::Error => "ERROR",
        };
        lines.push(format!("{severity}: {message}\n  {cure}"));
    }
    table::line(&lines.join("\n"))
}
