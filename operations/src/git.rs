//! What the environment's repository has to do with its remote: clone, pull, save, status.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ays_engine::Stop;
use ays_repository::{
    self as repository, Access, Address, Author, Cloned, Commit, Pulled, Saved, Status, Unsaved,
};

use crate::error::{Error, Kind};
use crate::off_runtime::blocking;

/// How long a transfer has to notice that it shall end: a remote that says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Clones an environment's repository into a directory, which appears when it is whole.
///
/// # Errors
///
/// Those of the clone; stopped, it leaves nothing.
pub async fn clone(address: Address, dir: PathBuf, access: Access, stop: Stop) -> Result<Cloned, Error> {
    let to = dir.clone();
    let cloned =
        with_remote(access, &stop, move |access| Ok(repository::clone(&address, &to, access)?)).await;
    if cloned.as_ref().is_err_and(|error| error.kind == Kind::Interrupted) {
        // It may not have come to its own end.
        repository::discard_partial(&dir);
    }
    cloned
}

/// Brings what is new at the remote; only forward, and never over changes that are only here.
///
/// # Errors
///
/// Those of the pull; nothing was changed then.
pub async fn pull(root: PathBuf, access: Access, stop: Stop) -> Result<Pulled, Error> {
    with_remote(access, &stop, move |access| Ok(repository::pull(&root, access)?)).await
}

/// Commits what changed, where there is something to commit and a message and an author for it, and pushes the branch.
///
/// # Errors
///
/// Those of the save; where the remote has more than is here, nothing is committed.
pub async fn save(
    root: PathBuf,
    unsaved: Unsaved,
    commit: Option<(String, Author)>,
    access: Access,
    stop: Stop,
) -> Result<Saved, Error> {
    with_remote(access, &stop, move |access| {
        let commit = commit.as_ref().map(|(message, author)| Commit { message, author });
        Ok(repository::save(&root, &unsaved, commit, access)?)
    })
    .await
}

/// What a save would commit and push.
///
/// # Errors
///
/// Git does not read the repository, or its branch cannot be saved.
pub async fn unsaved(root: PathBuf) -> Result<Unsaved, Error> {
    blocking(move || Ok(repository::unsaved(&root)?)).await
}

/// What is not saved, and how the branch stands to its remote; with `access`, the remote is asked first.
///
/// # Errors
///
/// Those of asking the remote, and of reading the repository.
pub async fn status(root: PathBuf, access: Option<Access>, stop: Stop) -> Result<Status, Error> {
    if let Some(access) = access {
        let root = root.clone();
        with_remote(access, &stop, move |access| Ok(repository::fetch(&root, access)?)).await?;
    }
    blocking(move || Ok(repository::status(&root)?)).await
}

async fn with_remote<T: Send + 'static>(
    access: Access,
    stop: &Stop,
    work: impl FnOnce(&Access) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let ends = Arc::clone(&access.stop);
    let mut work = Box::pin(blocking(move || work(&access)));
    tokio::select! {
        done = &mut work => return done,
        () = stop.after_steps() => {}
    }
    ends.store(true, Ordering::Relaxed);
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(Error::interrupted()))
}
