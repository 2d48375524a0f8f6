//! What becomes of the files that prune and permanent deletion remove.

use ays_catalogue::Removable;
use ays_engine::{InUse, RemovalEnd};
use ays_model::causes;
use serde::{Deserialize, Serialize};

/// A file, and what became of it, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedFile {
    /// The file.
    #[serde(flatten)]
    pub file: Removable,
    /// What became of it.
    pub result: RemovalResult,
    /// Why it is kept, and what to do about it.
    pub kept: Option<String>,
}

/// What became of a file, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RemovalResult {
    /// Nothing uses it: it would be removed.
    Unused,
    /// It is gone.
    Removed,
    /// It stays where it is.
    Kept,
    /// Its node was not reached, or could not do it.
    Failed,
}

impl RemovedFile {
    pub(crate) fn all(files: Vec<Removable>, ends: Vec<RemovalEnd>) -> Vec<Self> {
        files.into_iter().zip(ends).map(|(file, end)| Self::new(file, &end)).collect()
    }

    fn new(file: Removable, end: &RemovalEnd) -> Self {
        let (result, kept) = match end {
            RemovalEnd::Unused => (RemovalResult::Unused, None),
            RemovalEnd::Removed => (RemovalResult::Removed, None),
            RemovalEnd::Used(uses) => {
                (RemovalResult::Kept, Some(uses.iter().map(used).collect::<Vec<_>>().join("\n  ")))
            }
            RemovalEnd::NoNode => {
                let why = "no node has this pool any more: the file is where it was";
                (RemovalResult::Kept, Some(why.to_owned()))
            }
            RemovalEnd::Changed => {
                let why = "not removed, as the others of its pool, or because it is needed again";
                (RemovalResult::Kept, Some(why.to_owned()))
            }
            RemovalEnd::Failed(error) => (RemovalResult::Failed, Some(causes(error).replace('\n', "\n  "))),
        };
        Self { file, result, kept }
    }
}

fn used(used: &InUse) -> String {
    format!("on {}, {used}\n    cure: {}", used.node, used.cure())
}
