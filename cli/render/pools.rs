//! Pools whose indexes were not written, and files that stay.

use std::sync::Arc;

use ays_engine::Stop;
use ays_model::PoolKey;
use ays_operations::{ChangedPool, PoolProblem, RemovedFile, Tell};

use crate::failure::Failure;
use crate::render::events::say;

/// A pool as people know it: `local on n1, /var/lib/ays/templates`.
pub fn pool(PoolKey { name, node, path, .. }: &PoolKey) -> String {
    let on = node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    format!("{name}{on}, {path}")
}

/// Each pool with what it met.
pub fn problems(problems: &[PoolProblem]) -> Vec<String> {
    let said = |problem: &PoolProblem| format!("pool {}: {}", pool(&problem.pool), indented(&problem.why));
    problems.iter().map(said).collect()
}

/// Fails where the index of a changed pool is not written; `again` is the command that goes on.
pub fn all_written(pools: &[ChangedPool], again: String, stop: &Stop) -> Result<(), Failure> {
    match &ChangedPool::not_written(pools)[..] {
        [] => Ok(()),
        not => Err(Failure::NotPublished { said: problems(not), again, interrupted: stop.is_wanted() }),
    }
}

/// Each file that stays, with its reason and what to do.
pub fn kept(files: &[RemovedFile]) -> Vec<String> {
    files.iter().filter_map(|file| Some(format!("{}: {}", path(file), file.kept.as_ref()?))).collect()
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
