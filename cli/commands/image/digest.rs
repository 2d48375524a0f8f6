//! `ays image digest`

use std::path::PathBuf;

use ays_engine::digest_file;
use ays_model::{Digest, DiskFormat};
use serde::Serialize;

use crate::failure::Failure;
use crate::render::table;

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
    let digested = digest_file(&path, format, &std::env::temp_dir()).await?;
    let digest = Digest::FsVerity(digested.content);
    if json {
        return table::json(&Digested { file, digest, virtual_size: digested.virtual_size });
    }
    table::line(&format!("{digest}  {}", file.display()))
}
