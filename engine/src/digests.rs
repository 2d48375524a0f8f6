//! The digests of files on this machine, by a helper of their own.

use std::path::{Path, PathBuf};

use ays_model::{Content, Digest, DiskFormat};
use ays_protocol::{CheckCopy, CopyState, DigestDisk, DigestedDisk, Outcome, ReadCopy, Step};
use ays_transport::{Connection, Helper, HelperError};

/// A helper on this machine that reads files. It lives in a temporary directory, so that nothing is left.
pub(crate) struct Digests {
    helper: Helper,
    temporary: PathBuf,
    _connection: Connection,
}

impl Digests {
    pub async fn start(temporary: &Path) -> Result<Self, HelperError> {
        let connection =
            Connection::throwaway(temporary).map_err(|error| HelperError::Spawn(error.into()))?;
        let helper = Helper::start(&connection).await?;
        Ok(Self { helper, temporary: temporary.to_owned(), _connection: connection })
    }

    /// What names the disk in an image.
    pub async fn digest(&mut self, path: &Path) -> Result<DigestedDisk, HelperError> {
        let order = DigestDisk { path: path.to_owned(), temporary: self.temporary.clone() };
        match self.helper.run(Step::Digest(order), |_| {}).await? {
            Outcome::Digested(digested) => Ok(digested),
            _ => Err(HelperError::Answer),
        }
    }

    /// The content of a file; none when it is no disk image.
    pub async fn content(&mut self, path: &Path) -> Result<Option<Content>, HelperError> {
        match self.digest(path).await {
            Ok(digested) => Ok(Some(digested.content)),
            Err(HelperError::Failed(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a file is there and has this digest.
    pub async fn has(
        &mut self,
        path: &Path,
        format: DiskFormat,
        expected: Digest,
    ) -> Result<bool, HelperError> {
        let Ok(found) = path.metadata() else { return Ok(false) };
        let read = Some(ReadCopy { format, expected });
        let check = CheckCopy { path: path.to_owned(), size: found.len(), read, rate: None };
        match self.helper.run(Step::CheckCopy(check), |_| {}).await? {
            Outcome::Checked(checked) => Ok(checked.state == CopyState::Good),
            _ => Err(HelperError::Answer),
        }
    }

    pub async fn end(self) {
        self.helper.close().await;
    }
}

/// What names the disk in a file of this machine, whatever its format. A disk in another format than raw and qcow2 is
/// unpacked below `temporary` for a while.
///
/// # Errors
///
/// Those of the helper, and a failure that says why the file is no disk image.
pub async fn digest_file(path: &Path, temporary: &Path) -> Result<DigestedDisk, HelperError> {
    let mut digests = Digests::start(temporary).await?;
    let digested = digests.digest(path).await;
    digests.end().await;
    digested
}
