//! One copy is read again on its node.

use std::num::NonZeroU64;
use std::path::PathBuf;

use ays_catalogue::ScrubCopy;
use ays_model::{CopyVerdict, Progress};
use ays_protocol::{CheckCopy, CopyState, Failure, NamedCopy, Outcome, ReadCopy, Step};
use ays_transport::{Helper, HelperError};

/// What is wrong with a copy.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such file.
    #[error("missing")]
    Missing,
    /// It has other bytes.
    #[error("damaged")]
    Damaged,
    /// It cannot be read to its end.
    #[error("unreadable")]
    Unreadable(#[source] Failure),
}

impl Fault {
    pub(crate) fn verdict(&self) -> CopyVerdict {
        match self {
            Self::Missing => CopyVerdict::Missing,
            Self::Damaged => CopyVerdict::Damaged,
            Self::Unreadable(_) => CopyVerdict::Unreadable,
        }
    }
}

/// Where a copy lies on its nodes.
pub(crate) fn path(copy: &ScrubCopy) -> PathBuf {
    PathBuf::from(&copy.pool.path).join(&copy.file)
}

/// Reads all of a copy: of a good one that was known by its SHA-256, what names it from now on.
pub(crate) async fn read_copy(
    helper: &mut Helper,
    copy: &ScrubCopy,
    rate: Option<NonZeroU64>,
    on_progress: impl FnMut(Progress),
) -> Result<Result<Option<NamedCopy>, Fault>, HelperError> {
    let read = Some(ReadCopy { format: copy.format, expected: copy.digest });
    let check = CheckCopy { path: path(copy), size: copy.size, read, rate };
    match helper.run(Step::CheckCopy(check), on_progress).await {
        Ok(Outcome::Checked(checked)) => Ok(match checked.state {
            CopyState::Good => Ok(checked.named),
            CopyState::Missing => Err(Fault::Missing),
            CopyState::Damaged => Err(Fault::Damaged),
        }),
        // A sector that the disk does not give back any more, for one.
        Err(HelperError::Failed(failure)) => Ok(Err(Fault::Unreadable(failure))),
        Ok(_) => Err(HelperError::Answer),
        Err(error) => Err(error),
    }
}
