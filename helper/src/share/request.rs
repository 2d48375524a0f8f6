//! What a helper says first to one that it takes pieces from: a length (four bytes, big endian), and that many bytes:
//! the epoch (four), the number of the first piece (eight), the run's token.

use std::io;

use ays_protocol::Secret;
use subtle::ConstantTimeEq;
use tokio::io::{AsyncRead, AsyncReadExt};

const NUMBERS: usize = 12;

/// Pieces that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    /// See [`ays_protocol::Opened::epoch`].
    pub(crate) epoch: u32,
    /// The number of the first piece.
    pub(crate) first: u64,
}

impl Request {
    pub(crate) fn to_bytes(self, token: &Secret) -> Vec<u8> {
        let token = token.expose().as_bytes();
        let length = u32::try_from(NUMBERS + token.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(4 + NUMBERS + token.len());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.first.to_be_bytes());
        bytes.extend_from_slice(token);
        bytes
    }

    /// None when it is not by one who knows the token.
    pub(crate) async fn read(
        from: &mut (impl AsyncRead + Unpin),
        token: &Secret,
    ) -> io::Result<Option<Self>> {
        let token = token.expose().as_bytes();
        let length = from.read_u32().await?;
        if usize::try_from(length).ok() != NUMBERS.checked_add(token.len()) {
            return Ok(None);
        }
        let request = Self { epoch: from.read_u32().await?, first: from.read_u64().await? };
        let mut shown = vec![0; token.len()];
        from.read_exact(&mut shown).await?;
        Ok(bool::from(shown.ct_eq(token)).then_some(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_token_opens() {
        let token = Secret::new("token".into());
        let request = Request { epoch: 3, first: 1 << 40 };
        for (said, heard) in [
            (request.to_bytes(&token), Some(request)),
            (request.to_bytes(&Secret::new("tokem".into())), None),
            (request.to_bytes(&Secret::new("toke".into())), None),
            (request.to_bytes(&Secret::new(String::new())), None),
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), None),
        ] {
            assert_eq!(Request::read(&mut &said[..], &token).await.unwrap(), heard, "{said:?}");
        }
        let whole = request.to_bytes(&token);
        let cut = Request::read(&mut &whole[..whole.len() - 1], &token).await;
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
