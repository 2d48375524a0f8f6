//! What becomes of the files that prune and permanent deletion remove.

use ays_catalogue::Removable;
use ays_engine::RemovalEnd;

/// A file, and what became of it, or would.
#[derive(Debug)]
pub struct RemovedFile {
    /// The file.
    pub file: Removable,
    /// What became of it.
    pub end: RemovalEnd,
}

impl RemovedFile {
    pub(crate) fn all(files: Vec<Removable>, ends: Vec<RemovalEnd>) -> Vec<Self> {
        files.into_iter().zip(ends).map(|(file, end)| Self { file, end }).collect()
    }
}
