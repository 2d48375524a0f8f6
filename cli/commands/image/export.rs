//! `ays image export`

use std::path::{Path, PathBuf};

use ays_model::{Digest, DiskFormat, NodeName};
use ays_operations::{ExportImage, ExportedImage};

use crate::context;
use crate::failure::Failure;
use crate::render::events::Style;
use crate::render::{rollout, table, units};
use crate::signals::stop_at_once;

/// Writes an image to a file of this machine, from the nearest verified copy
///
/// The file appears when it is whole and was compared with the image's content; holes stay holes. What has come before a run was
/// stopped is used by the next one.
#[derive(clap::Args)]
pub struct Args {
    /// Its name or id
    image: String,
    /// The file
    file: PathBuf,
    /// What the file is to be: raw or qcow2; without it, as its ending says (.qcow2), else raw
    #[arg(long)]
    format: Option<DiskFormat>,
    /// The number of the generation; default: the current one
    #[arg(long, value_name = "N")]
    generation: Option<u32>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// Learn the host keys of nodes that have never been seen
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was written.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    image: &'a str,
    generation: u32,
    file: &'a Path,
    format: DiskFormat,
    /// The file's length in bytes.
    size: u64,
    content: Digest,
    /// Bytes that came from a node: data, no holes.
    received: u64,
    /// Who gave it; null: it was there already.
    from: Option<&'a NodeName>,
}

pub async fn run(args: Args, repo: Option<&Path>) -> Result<(), Failure> {
    let file = whole(&args.file)?;
    let controller = context::controller_of(repo).await?;
    let ssh = context::ssh(&controller.environment, args.accept_new_host_key)?;
    let is_qcow2 = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("qcow2"));
    let format = args.format.unwrap_or(if is_qcow2 { DiskFormat::Qcow2 } else { DiskFormat::Raw });
    let export = ExportImage {
        image: args.image,
        generation: args.generation,
        file: file.clone(),
        format,
        replace: args.force,
    };
    let tell = rollout::tell(if args.json { Style::Quiet } else { Style::Steps });
    let ExportedImage { image, generation, content, exported } =
        export.run(controller, ssh, stop_at_once(), tell).await?;
    if args.json {
        return table::json(&Report {
            image: &image,
            generation,
            file: &file,
            format,
            size: exported.size,
            content,
            received: exported.received,
            from: exported.from.as_ref(),
        });
    }
    let size = units::bytes(exported.size);
    table::line(&format!("{}: {image}, generation {generation}, {size} {format}", file.display()))
}

/// The path of a file that need not be there yet, without links and `..` before its name.
fn whole(file: &Path) -> Result<PathBuf, Failure> {
    let unwritable = |source| Failure::Unwritable { path: file.to_owned(), source };
    let file = std::path::absolute(file).map_err(unwritable)?;
    match (file.parent(), file.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize().map_err(unwritable)?.join(name)),
        _ => Ok(file),
    }
}
