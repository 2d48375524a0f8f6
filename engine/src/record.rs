//! Recording a stored file, which nobody removes meanwhile.

use std::path::PathBuf;

use ays_catalogue::{CatalogueError, Lock, LockHolder, Offer};
use ays_model::LockScope;
use ays_protocol::{CheckCopy, CopyState, Outcome, Step};
use ays_transport::{Helper, HelperError};

use crate::own_pool::OwnPool;
use crate::truth::{self, TruthError};

/// Why a stored file is not recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// A removal that had begun before the lock was taken.
    #[error("it was removed meanwhile")]
    Gone,
    /// Another controller may be at work on the pool's files by now.
    #[error("the lock was lost: this machine stood still for too long; run it again")]
    LockLost,
    /// The node could not say whether it is there.
    #[error(transparent)]
    Helper(#[from] HelperError),
    /// The lock could not be given back.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The index or the record could not be written.
    #[error(transparent)]
    Truth(#[from] TruthError),
}

/// Keeps others from removing files of the pool. `on_wait` is told whom it waits for.
pub(crate) async fn lock_files(
    pool: &OwnPool<'_>,
    on_wait: impl FnMut(&LockHolder),
) -> Result<Lock, CatalogueError> {
    let scopes = [LockScope::Files(pool.key.clone()).to_string()];
    pool.catalogue.wait_for_lock(&scopes, &pool.owner.taken_by, on_wait).await
}

/// Records a file of the pool whose files are locked, in the order of truth; then gives the lock back.
pub(crate) async fn record_file<T>(
    helper: &mut Helper,
    pool: OwnPool<'_>,
    lock: Lock,
    (path, size): (PathBuf, u64),
    preview: impl Future<Output = Result<Vec<Offer>, CatalogueError>>,
    record: impl Future<Output = Result<T, CatalogueError>>,
) -> Result<T, RecordError> {
    let recording = async {
        let look = CheckCopy { path, size, read: None, rate: None };
        match helper.run(Step::CheckCopy(look), |_| {}).await? {
            Outcome::Checked(checked) if checked.state == CopyState::Good => {}
            Outcome::Checked(_) => return Err(RecordError::Gone),
            _ => return Err(HelperError::Answer.into()),
        }
        Ok(truth::offer(helper, pool, preview, record).await?)
    };
    let recorded = tokio::select! {
        recorded = recording => recorded,
        () = lock.lost() => Err(RecordError::LockLost),
    };
    // One that was lost belongs to another run: releasing it does nothing.
    let released = lock.release().await;
    let recorded = recorded?;
    released?;
    Ok(recorded)
}
