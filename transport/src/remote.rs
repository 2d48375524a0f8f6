//! A process on the other side of a connection.

use rustix::process::Pid;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::helper_error::HelperError;

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

impl Remote {
    /// One with the streams of a child; `process` keeps them alive.
    pub fn new(
        stdin: Option<impl AsyncWrite + Send + Unpin + 'static>,
        stdout: Option<impl AsyncRead + Send + Unpin + 'static>,
        stderr: Option<impl AsyncRead + Send + Unpin + 'static>,
        process: impl Send + 'static,
    ) -> Result<Self, HelperError> {
        match (stdin, stdout, stderr) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok(Self {
                stdin: Box::new(stdin),
                stdout: Box::new(stdout),
                stderr: Box::new(stderr),
                process: Box::new(process),
                id: None,
            }),
            _ => Err(HelperError::Spawn("its streams are missing".into())),
        }
    }
}
