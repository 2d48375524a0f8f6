//! A stored disk on the other side of a connection, as it is read there.

use std::time::Duration;

use ays_protocol::{
    MOST_OF_PART, READ_MODE, ReadBegin, ReadDisk, ReadEnd, SILENCE_LIMIT, read_frame, write_frame,
};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::bootstrap::{self, Greeted, last_words};
use crate::connection::Connection;
use crate::helper_error::HelperError;
use crate::remote::Remote;

/// How long nothing may come: a disk that is compressed on its way is slow, and holes are skipped quickly.
const LIMIT: Duration = SILENCE_LIMIT.saturating_mul(10);

/// A disk that is being read. Dropped, its reader ends.
pub struct DiskReader {
    /// What was known before.
    pub begin: ReadBegin,
    remote: Remote,
}

/// What comes next of a disk.
#[derive(Debug)]
pub enum DiskPart {
    /// Bytes, and their place, in bytes.
    Bytes(u64, Vec<u8>),
    /// That was all.
    End(ReadEnd),
}

/// Why a disk is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The reader could not be started, or is gone.
    #[error(transparent)]
    Helper(#[from] HelperError),
    /// The reader says so.
    #[error("{0}")]
    Disk(String),
}

impl DiskReader {
    /// Starts to read.
    ///
    /// # Errors
    ///
    /// The reader cannot be started, or cannot read such a disk.
    pub async fn start(connection: &Connection, order: &ReadDisk) -> Result<Self, ReadError> {
        let greeting = timeout(LIMIT, bootstrap::start(connection, &[READ_MODE]));
        let Greeted { mut remote, .. } = greeting.await.map_err(|_| HelperError::Silent(LIMIT))??;
        write_frame(&mut remote.stdin, order).await.map_err(HelperError::Frame)?;
        let begin = said(&mut remote).await?;
        Ok(Self { begin, remote })
    }

    /// What comes next.
    ///
    /// # Errors
    ///
    /// The disk cannot be read on, or the reader is gone.
    pub async fn next(&mut self) -> Result<DiskPart, ReadError> {
        match timeout(LIMIT, self.read_part()).await {
            Err(_) => Err(HelperError::Silent(LIMIT).into()),
            Ok(Ok(Some((at, bytes)))) => Ok(DiskPart::Bytes(at, bytes)),
            Ok(Ok(None)) => said(&mut self.remote).await.map(DiskPart::End),
            Ok(Err(_)) => Err(HelperError::Ended { said: last_words(&mut self.remote.stderr).await }.into()),
        }
    }

    async fn read_part(&mut self) -> std::io::Result<Option<(u64, Vec<u8>)>> {
        let stdout = &mut self.remote.stdout;
        let (at, length) = (stdout.read_u64().await?, stdout.read_u32().await? as usize);
        if length == 0 {
            return Ok(None);
        }
        if length > MOST_OF_PART {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length];
        stdout.read_exact(&mut bytes).await?;
        Ok(Some((at, bytes)))
    }
}

/// A frame of the reader.
async fn said<T: serde::de::DeserializeOwned>(remote: &mut Remote) -> Result<T, ReadError> {
    let frame = timeout(LIMIT, read_frame::<Result<T, String>>(&mut remote.stdout)).await;
    match frame.map_err(|_| HelperError::Silent(LIMIT))? {
        Ok(Some(said)) => said.map_err(ReadError::Disk),
        Ok(None) | Err(ays_protocol::FrameError::Io(_)) => {
            Err(HelperError::Ended { said: last_words(&mut remote.stderr).await }.into())
        }
        Err(error) => Err(HelperError::Frame(error).into()),
    }
}
