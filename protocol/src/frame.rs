//! Frames: a length (four bytes, big endian) and that many bytes of JSON.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The version of the messages; both sides must have the same.
pub const PROTOCOL: u32 = 11;

/// The line that a helper writes before its first frame; whatever a login shell wrote before it is skipped.
pub const GREETING: &str = "ays-node/1 frames follow";

/// The largest frame, in bytes.
pub const MAX_FRAME: u32 = 4 << 20;

/// How often each side says that it is still there.
pub const BEAT_EVERY: Duration = Duration::from_secs(2);

/// After this long without a frame the other side is taken for gone.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(12);

/// What went wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream failed or ended in the middle of a frame.
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    /// The other side announced more than a frame may hold.
    #[error("a frame of {0} bytes is more than the {MAX_FRAME} allowed")]
    TooLarge(u32),
    /// The frame is not the message that was expected.
    #[error("a frame could not be read")]
    Malformed(#[from] serde_json::Error),
}

/// Writes one message and flushes.
pub async fn write_frame<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), FrameError> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&body);
    to.write_all(&frame).await?;
    to.flush().await?;
    Ok(())
}

/// Reads one message; `None` when the stream ends between two frames.
///
/// Not safe to cancel: half a frame that was read is lost with the future.
pub async fn read_frame<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    let mut length = [0; 4];
    match from.read_exact(&mut length[..1]).await {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    from.read_exact(&mut length[1..]).await?;
    let length = u32::from_be_bytes(length);
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body).await?;
    Ok(Some(serde_json::from_slice(&body)?))
}
