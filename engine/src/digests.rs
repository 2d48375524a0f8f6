//! The digests of files on this machine, by a helper of their own.

use std::path::Path;

use ays_model::{Content, Digest, DiskFormat};
use ays_protocol::{CheckCopy, CopyState, DigestDisk, DigestedDisk, Outcome, ReadCopy, Step};
use ays_transport::{HelperError, Session};
use tempfile::TempDir;

/// A helper on this machine that reads files. It lives in a temporary directory, so that nothing is left.
pub(crate) struct Digests {
    session: Session,
    /// Where disks are unpacked: this user's alone, since nobody else may choose what is written to.
    unpacked: TempDir,
}

impl Digests {
    pub async fn start(temporary: &Path) -> Result<Self, HelperError> {
        let session = Session::here(temporary).await?;
        let unpacked = tempfile::tempdir_in(temporary).map_err(|error| HelperError::Spawn(error.into()))?;
        Ok(Self { session, unpacked })
    }

    /// What names the disk in an image.
    pub async fn digest(
        &mut self,
        path: &Path,
        format: Option<DiskFormat>,
    ) -> Result<DigestedDisk, HelperError> {
        let temporary = self.unpacked.path().to_owned();
        let order = DigestDisk { path: path.to_owned(), format, temporary };
        match self.session.helper.run(Step::Digest(order), |_| {}).await? {
            Outcome::Digested(digested) => Ok(digested),
            _ => Err(HelperError::Answer),
        }
    }

    /// The content of a file; none when it is not of this format.
    pub async fn content(&mut self, path: &Path, format: DiskFormat) -> Result<Option<Content>, HelperError> {
        match self.digest(path, Some(format)).await {
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
        match self.session.helper.run(Step::CheckCopy(check), |_| {}).await? {
            Outcome::Checked(checked) => Ok(checked.state == CopyState::Good),
            _ => Err(HelperError::Answer),
        }
    }

    pub async fn end(self) {
        self.session.close().await;
    }
}

/// What names the disk in a file of this machine, whatever its format. A disk in another format than raw and qcow2 is
/// unpacked below `temporary` for a while. Without a format it is told by the file's bytes.
///
/// # Errors
///
/// Those of the helper, and a failure that says why the file is no disk image.
pub async fn digest_file(
    path: &Path,
    format: Option<DiskFormat>,
    temporary: &Path,
) -> Result<DigestedDisk, HelperError> {
    let mut digests = Digests::start(temporary).await?;
    let digested = digests.digest(path, format).await;
    digests.end().await;
    digested
}
