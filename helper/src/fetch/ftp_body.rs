//! The bytes of a file on an FTP server.

use std::io;
use std::time::Duration;

use ays_protocol::Phase;
use bytes::BufMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::fault::Fault;
use super::ftp::control::Control;
use super::ftp::stream::Stream;
use super::waiting::{stalled, wait};

/// How long the server may take to confirm a transfer whose bytes are all here.
const CONFIRMATION: Duration = Duration::from_secs(5);

/// The bytes of a file on an FTP server.
#[derive(Debug)]
pub(crate) struct FtpBody {
    stream: Option<Stream>,
    /// The connection that a transfer is confirmed on.
    control: Control,
    /// Bytes that are still to come, where the server said so.
    left: Option<u64>,
}

impl FtpBody {
    /// What comes over `stream`, of which `left` bytes are still to come where the server said so.
    pub(crate) fn new(stream: Stream, control: Control, left: Option<u64>) -> Self {
        Self { stream: Some(stream), control, left }
    }

    pub(crate) async fn fill(
        &mut self,
        buffer: &mut Vec<u8>,
        most: usize,
        stall: Duration,
    ) -> Result<bool, Fault> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let begun = Instant::now();
        while buffer.len() < most {
            let missing = most - buffer.len();
            let count = match timeout(
                wait(buffer, begun, stall),
                stream.read_buf(&mut (&mut *buffer).limit(missing)),
            )
            .await
            {
                Ok(Ok(0)) => return self.confirm().await,
                // Servers leave out TLS's own farewell; whether it is the end, the confirmation tells.
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return self.confirm().await;
                }
                Ok(Ok(count)) => count as u64,
                Ok(Err(error)) => return Err(Fault::again(Phase::Transfer, error)),
                Err(_) if buffer.is_empty() => return Err(stalled(stall)),
                Err(_) => break,
            };
            self.left = self.left.map(|left| left.saturating_sub(count));
        }
        Ok(true)
    }

    /// After the last byte. With all bytes here, nothing is waited for: a firewall may have forgotten the control
    /// connection meanwhile. Without knowing how many there should be, only the confirmation tells the end from an
    /// interruption.
    async fn confirm(&mut self) -> Result<bool, Fault> {
        let Some(mut stream) = self.stream.take() else { return Ok(false) };
        if self.left == Some(0) {
            return Ok(false);
        }
        let control = &mut self.control;
        let confirmed = timeout(CONFIRMATION, async move {
            // Servers with TLS wait for its farewell; one that has closed already does not hear it.
            let _ = stream.shutdown().await;
            drop(stream);
            control.reply().await
        });
        match confirmed.await {
            Ok(Ok(reply)) if reply.is_done() => Ok(false),
            // Its words are left out: some servers repeat the login.
            Ok(Ok(reply)) => Err(Fault::again(
                Phase::Transfer,
                format!("the server ended the transfer with code {}", reply.code),
            )),
            _ => Err(Fault::again(Phase::Transfer, "the server did not confirm the transfer's end")),
        }
    }
}
