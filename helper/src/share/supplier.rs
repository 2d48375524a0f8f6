//! Takes pieces from another node.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use ays_protocol::PIECE;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::piece::{BITS, Piece, Run, runs};
use super::request::Request;
use super::tls::Tls;

/// How long a connection, or its encryption, may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long the connection through the controller may take to come.
const INBOX: Duration = Duration::from_secs(15);

/// The longest time without a byte in the middle of a piece.
const STALL: Duration = Duration::from_secs(3);

/// How much is read from the connection at once, in bytes: the encryption itself reads little by little.
const READ: usize = 256 << 10;

/// How many pieces wait to be verified.
const AHEAD: usize = 2;

/// How the other node is reached.
#[derive(Debug)]
pub(crate) enum Way {
    /// At its listener.
    Peer(SocketAddr),
    /// By the first connection that comes here.
    Inbox(TcpListener),
}

/// Why no more pieces come.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) reason: String,
    /// No connection came about.
    pub(crate) unreachable: bool,
}

impl Lost {
    pub(crate) fn unreachable(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), unreachable: true }
    }

    pub(crate) fn failed(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), unreachable: false }
    }
}

/// Pieces on their way; none come any more when this is dropped.
#[derive(Debug)]
pub(crate) struct Taking {
    pieces: mpsc::Receiver<Result<Piece, Lost>>,
    _task: JoinSet<()>,
}

impl Taking {
    pub(crate) fn start(way: Way, tls: Arc<Tls>, request: Request) -> Self {
        let (sender, pieces) = mpsc::channel(AHEAD);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let Err(lost) = take(way, &tls, request, &sender).await;
            let _ = sender.send(Err(lost)).await;
        });
        Self { pieces, _task: task }
    }

    /// The next piece, not verified yet.
    pub(crate) async fn next(&mut self) -> Result<Piece, Lost> {
        match self.pieces.recv().await {
            Some(piece) => piece,
            None => Err(Lost::failed("the connection ended")),
        }
    }
}

async fn take(
    way: Way,
    tls: &Tls,
    request: Request,
    pieces: &mpsc::Sender<Result<Piece, Lost>>,
) -> Result<std::convert::Infallible, Lost> {
    let stream = way.connect().await?;
    stream.set_nodelay(true).map_err(Lost::unreachable)?;
    let stream = BufReader::with_capacity(READ, stream);
    let mut stream = timeout(CONNECT, tls.connector.connect(tls.name.clone(), stream))
        .await
        .map_err(|_| Lost::unreachable(format!("no encryption within {CONNECT:?}")))?
        .map_err(Lost::unreachable)?;
    let request = request.to_bytes(&tls.token);
    let asked = async {
        stream.write_all(&request).await?;
        stream.flush().await
    };
    timeout(CONNECT, asked)
        .await
        .map_err(|_| Lost::failed(format!("it took no request within {CONNECT:?}")))?
        .map_err(Lost::failed)?;
    loop {
        let piece = receive(&mut stream).await?;
        // A closed queue means that nobody waits; this is dropped then.
        let _ = pieces.send(Ok(piece)).await;
    }
}

impl Way {
    async fn connect(self) -> Result<TcpStream, Lost> {
        match self {
            Self::Peer(address) => match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(Lost::unreachable(error)),
                Err(_) => Err(Lost::unreachable(format!("no connection within {CONNECT:?}"))),
            },
            Self::Inbox(listener) => match timeout(INBOX, listener.accept()).await {
                Ok(Ok((stream, _))) => Ok(stream),
                Ok(Err(error)) => Err(Lost::unreachable(error)),
                Err(_) => Err(Lost::unreachable(format!("no connection came within {INBOX:?}"))),
            },
        }
    }
}

async fn receive(stream: &mut TlsStream<BufReader<TcpStream>>) -> Result<Piece, Lost> {
    let no_piece = || Lost::failed("it sent what is no piece");
    let length = match stream.read_u32().await {
        Ok(0) => return Err(Lost::failed("it has no more")),
        Ok(length) if u64::from(length) > PIECE => return Err(no_piece()),
        Ok(length) => length as usize,
        Err(error) => return Err(ended(&error)),
    };
    let mut bits = [0; BITS];
    fill(stream, &mut bits).await?;
    let runs = runs(length, &bits).ok_or_else(no_piece)?;
    let received = runs.iter().map(|run| run.length as u64).sum();
    let mut bytes = None;
    for Run { at, length: count } in runs {
        let whole = bytes.get_or_insert_with(|| vec![0; length]);
        let part = whole.get_mut(at..at + count).ok_or_else(no_piece)?;
        fill(stream, part).await?;
    }
    Ok(Piece { length: length as u64, bytes, received })
}

async fn fill(stream: &mut TlsStream<BufReader<TcpStream>>, into: &mut [u8]) -> Result<(), Lost> {
    let mut filled = 0;
    while filled < into.len() {
        match timeout(STALL, stream.read(&mut into[filled..])).await {
            Ok(Ok(0)) => return Err(ended(&io::ErrorKind::UnexpectedEof.into())),
            Ok(Ok(count)) => filled += count,
            Ok(Err(error)) => return Err(ended(&error)),
            Err(_) => return Err(Lost::failed(format!("no byte came for {STALL:?}"))),
        }
    }
    Ok(())
}

fn ended(error: &io::Error) -> Lost {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Lost::failed("it closed the connection"),
        _ => Lost::failed(error),
    }
}
