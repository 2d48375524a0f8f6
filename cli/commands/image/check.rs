//! `ays image check`

use std::path::{Path, PathBuf};

use ays_model::{Finding, Inspection, NodeName, Severity};
use ays_operations::{CheckImage, CheckedImage, check_file};
use serde::Serialize;

use crate::context;
use crate::failure::{Failure, eprint_line};
use crate::render::{disk, table};
use crate::signals::stop_at_once;

/// Looks into an image without mounting it: its system, how it starts, whether it can grow, cloud-init, VirtIO drivers
///
/// A file is read on this machine, an image of the catalogue on a node that has it; what is found of that is recorded.
/// Exit code 1: machines would not start from it.
#[derive(clap::Args)]
pub struct Args {
    /// A disk image (raw or qcow2, packed or not) on this machine, or an image's name or id
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
    node: Option<NodeName>,
    #[serde(flatten)]
    found: Inspection,
    findings: Vec<Finding>,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let file = PathBuf::from(&args.asked);
    let checked = if file.is_file() {
        let path = std::path::absolute(&file).and_then(|path| path.canonicalize());
        let path = path.map_err(|source| Failure::Unreadable { path: file, source })?;
        let (found, findings) = check_file(path, std::env::temp_dir(), stop_at_once()).await?;
        Checked { checked: args.asked, node: None, found, findings }
    } else {
        let controller = context::controller_of(repo).await?;
        let ssh = context::ssh(&controller.environment, args.accept_new_host_key)?;
        let check = CheckImage { image: args.asked };
        let CheckedImage { image, node, found, findings, broken } =
            check.run(controller, ssh, stop_at_once()).await?;
        for (node, error) in broken {
            eprint_line(&format!("warning: {node}: {error}"));
        }
        Checked { checked: image.into(), node: Some(node), found, findings }
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

fn show(Checked { checked, node, found, findings }: &Checked) -> Result<(), Failure> {
    let what = match node {
        Some(node) => format!("{checked} on {node}"),
        None => checked.clone(),
    };
    let mut lines = disk::inspection(&what, found);
    for Finding { severity, message, cure, .. } in findings {
        let severity = match severity {
            Severity::Warning => "warning",
            Severity::Error => "ERROR",
        };
        lines.push(format!("{severity}: {message}\n  {cure}"));
    }
    table::line(&lines.join("\n"))
}
