//! A process on the other side of a connection.

use rustix::process::Pid;
use tokio::io::{AsyncRead, AsyncWrite};

/// A process on the other side, its streams connected to us.
pub(crate) struct Remote {
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Keeps the streams alive.
    pub process: Box<dyn Send>,
    /// Its id, where it is on this machine.
    pub id: Option<Pid>,
}
