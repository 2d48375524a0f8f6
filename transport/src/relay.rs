//! A way between two nodes that cannot reach each other: through this machine, over the connections to both.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, copy_buf};

use crate::bootstrap::{self, Greeted};
use crate::connection::Connection;
use crate::helper_error::HelperError;
use crate::remote::Remote;

/// How much is passed on at once, in bytes.
const BUFFER: usize = 128 << 10;

/// Connects to an address on each of two nodes and passes the bytes between them until one side ends. What passes is
/// encrypted between the nodes; nothing of it is looked at here.
pub async fn relay(
    (one, at_one): (&Connection, SocketAddr),
    (other, at_other): (&Connection, SocketAddr),
) -> Result<(), HelperError> {
    let (one, other) = tokio::try_join!(dial(one, at_one), dial(other, at_other))?;
    tokio::select! {
        result = pass(one.stdout, other.stdin) => result,
        result = pass(other.stdout, one.stdin) => result,
    }
    .map_err(HelperError::Stream)
}

async fn dial(connection: &Connection, at: SocketAddr) -> Result<Remote, HelperError> {
    let (address, port) = (at.ip().to_string(), at.port().to_string());
    let Greeted { remote, .. } = bootstrap::start(connection, &["dial", &address, &port]).await?;
    Ok(remote)
}

async fn pass(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    copy_buf(&mut BufReader::with_capacity(BUFFER, from), &mut to).await?;
    to.shutdown().await
}
