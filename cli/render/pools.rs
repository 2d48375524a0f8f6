//! Pools whose indexes were not written, and files that stay.

use std::sync::Arc;

use ays_engine::{InUse, NotPublished, RemovalEnd};
use ays_model::{PoolKey, causes};
use ays_operations::{RemovedFile, Tell};

use crate::render::events::say;

/// A pool as people know it: `local on n1, /var/lib/ays/templates`.
pub fn pool(PoolKey { name, node, path, .. }: &PoolKey) -> String {
    let on = node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    format!("{name}{on}, {path}")
}

/// Each pool whose index was not written, with its reason.
pub fn not_published(failed: &[NotPublished]) -> Vec<String> {
    let said = |not: &NotPublished| format!("pool {}: {}", pool(&not.pool), indented(&causes(&not.why)));
    failed.iter().map(said).collect()
}

/// Each file that stays, with its reason and what to do.
pub fn kept(files: &[RemovedFile]) -> Vec<String> {
    files.iter().filter_map(|file| Some(format!("{}: {}", path(file), why(&file.end)?))).collect()
}

/// Why a file stays; none where it does not.
pub fn why(end: &RemovalEnd) -> Option<String> {
    match end {
        RemovalEnd::Unused | RemovalEnd::Removed => None,
        RemovalEnd::Used(uses) => Some(uses.iter().map(used).collect::<Vec<_>>().join("\n  ")),
        RemovalEnd::NoNode => Some("no node has this pool any more: the file is where it was".to_owned()),
        RemovalEnd::Failed(error) => Some(indented(&causes(error))),
        RemovalEnd::Changed => {
            Some("not removed, as the others of its pool, or because it is needed again".to_owned())
        }
    }
}

fn used(used: &InUse) -> String {
    format!("on {}, {used}\n    cure: {}", used.node, used.cure())
}

fn path(RemovedFile { file, .. }: &RemovedFile) -> String {
    let on = file.pool.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    format!("{}/{}{on}", file.pool.path, file.file)
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

/// What there is to say while indexes are written, and files looked at and removed.
pub fn tell() -> Tell {
    Arc::new(|record| say(&record))
}
