use std::time::Duration;

use ays_protocol::Phase;
use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::fault::{Fault, innermost};
use super::ftp_body::FtpBody;
use super::local_body::LocalBody;
use super::waiting::{stalled, wait};

/// The bytes of a source.
#[derive(Debug)]
pub(crate) enum Body {
    Http(HttpBody),
    Ftp(FtpBody),
    Local(LocalBody),
}

#[derive(Debug)]
pub(crate) struct HttpBody {
    response: reqwest::Response,
    /// What did not fit in the last buffer.
    rest: Bytes,
}

impl HttpBody {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self { response, rest: Bytes::new() }
    }

    async fn fill(&mut self, buffer: &mut Vec<u8>, most: usize, stall: Duration) -> Result<bool, Fault> {
        let begun = Instant::now();
        while buffer.len() < most {
            if self.rest.is_empty() {
                match timeout(wait(buffer, begun, stall), self.response.chunk()).await {
                    Ok(Ok(Some(chunk))) => self.rest = chunk,
                    Ok(Ok(None)) => return Ok(false),
                    Ok(Err(error)) => {
                        return Err(Fault::again(Phase::Transfer, innermost(&error.without_url())));
                    }
                    Err(_) if buffer.is_empty() => return Err(stalled(stall)),
                    Err(_) => return Ok(true),
                }
            }
            let fits = self.rest.len().min(most - buffer.len());
            buffer.extend_from_slice(&self.rest.split_to(fits));
        }
        Ok(true)
    }
}

impl Body {
    /// Fills an empty buffer with up to `most` bytes, or less; false when there are no more bytes. What it holds when this
    /// fails came before the failure, and counts.
    pub(crate) async fn fill(
        &mut self,
        buffer: &mut Vec<u8>,
        most: usize,
        stall: Duration,
    ) -> Result<bool, Fault> {
        match self {
            Self::Http(body) => body.fill(buffer, most, stall).await,
            Self::Ftp(body) => body.fill(buffer, most, stall).await,
            Self::Local(body) => body.fill(buffer, most).await,
        }
    }
}
