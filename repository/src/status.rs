//! How a clone stands.

use std::path::{Path, PathBuf};

use crate::branch::{BranchError, Opened, distance};
use crate::changes::{Changes, State, changes};
use crate::differing::{Purpose, differing};

/// How a clone stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Status {
    /// The branch.
    pub branch: String,
    /// Its commit; none before the first.
    pub commit: Option<String>,
    /// The remote's branch, as `origin/main`; none where nothing is known of it.
    pub upstream: Option<String>,
    /// Commits that are only here.
    pub ahead: usize,
    /// Commits that are only at the remote, as far as it was asked.
    pub behind: usize,
    /// What is not committed.
    pub changes: Changes,
}

/// Looks at a clone; the remote is not asked.
pub fn status(root: &Path) -> Result<Status, BranchError> {
    let opened = Opened::new(root)?;
    let branch = opened.branch()?;
    let upstream = opened.upstream(&branch);
    let (ahead, behind) = match (upstream, branch.head) {
        (Some(upstream), head) => distance(&opened, head, upstream)?,
        (None, Some(head)) => (distance(&opened, None, head)?.1, 0),
        (None, None) => (0, 0),
    };
    let paths = changed(&opened, &[])?;
    Ok(Status {
        changes: meaning(&opened, branch.head, &paths)?,
        commit: branch.head.map(|commit| commit.to_string()),
        upstream: upstream.map(|_| format!("{}/{}", branch.remote, branch.upstream)),
        ahead,
        behind,
        branch: branch.name,
    })
}

/// All files that are not as the branch has them, ignored ones left out; only those below `paths`, where some are
/// given. A path that ends in `/` is a repository of its own.
pub(crate) fn changed(opened: &Opened, paths: &[&Path]) -> Result<Vec<PathBuf>, BranchError> {
    let found = differing(&opened.root, &opened.repository, paths, Purpose::Commit);
    found.map_err(|error| opened.git(error))
}

/// What the changed files mean.
pub(crate) fn meaning(
    opened: &Opened,
    head: Option<git2::Oid>,
    paths: &[PathBuf],
) -> Result<Changes, BranchError> {
    let tree = |commit| opened.repository.find_commit(commit).and_then(|commit| commit.tree());
    let tree = head.map(tree).transpose().map_err(|error| opened.git(error))?;
    let (old, new) = (State::Tree(tree.as_ref()), State::Files(&opened.root));
    Ok(changes(&old, &new, paths.iter().map(PathBuf::as_path)))
}
