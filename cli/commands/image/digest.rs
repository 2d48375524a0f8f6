//! `ays image digest`

use std::path::PathBuf;

use ays_model::{Digest, DiskFormat};
use ays_operations as operations;
use serde::Serialize;

use crate::failure::Failure;
use crate::render::table;
use crate::signals::stop_at_once;

/// Prints what names the disk in a file, whatever its format: what `fsverity digest` prints for it as a raw file
///
/// Only data is read: holes cost nothing. A disk in another format than raw and qcow2 is unpacked into a temporary
/// directory first.
#[derive(clap::Args)]
pub struct Args {
    /// A disk image on this machine
    file: PathBuf,
    /// What the file is (raw, qcow2), where its bytes do not tell
    #[arg(long)]
    format: Option<DiskFormat>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Digested {
    file: PathBuf,
    digest: Digest,
    /// In bytes.
    virtual_size: u64,
}

pub async fn run(Args { file, format, json }: Args) -> Result<(), Failure> {
    let path = std::path::absolute(&file).and_then(|path| path.canonicalize());
    let path = path.map_err(|source| Failure::Unreadable { path: file.clone(), source })?;
    let digested = operations::digest(path, format, std::env::temp_dir(), stop_at_once()).await?;
    let digest = Digest::FsVerity(digested.content);
    if json {
        return table::json(&Digested { file, digest, virtual_size: digested.virtual_size });
    }
    table::line(&format!("{digest}  {}", file.display()))
}
