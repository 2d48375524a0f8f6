//! What git said.

use git2::ErrorCode;

use crate::user_git::UserGitError;

/// What git said, in its own words: libgit2, or the operator's git.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// libgit2.
    #[error("{}{}", .0.message().trim(), cure(.0))]
    Library(git2::Error),
    /// The operator's git.
    #[error(transparent)]
    User(#[from] UserGitError),
}

// Not by thiserror's `from`, which would make it a source that says the same again.
impl From<git2::Error> for GitError {
    fn from(error: git2::Error) -> Self {
        Self::Library(error)
    }
}

/// What helps, where libgit2 does not say so itself.
fn cure(error: &git2::Error) -> String {
    match (error.code(), error.message().split('\'').nth(1)) {
        (ErrorCode::Owner, Some(path)) => format!(
            ": where you trust its files, git config --global --add safe.directory {}",
            path.trim_end_matches('/')
        ),
        _ => String::new(),
    }
}
