//! Passes pieces on to the nodes that ask for them.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ays_protocol::{Failure, PIECE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

use super::piece::pack;
use super::request::Request;
use super::stock::Stock;
use super::tls::{SEND_BUFFER, Tls};
use crate::disk::on_thread;
use crate::facts;

/// The most nodes that are served at a time.
const MOST: usize = 64;

/// How long a node may take to say what it wants, encryption included.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a node may take no byte.
const STALL: Duration = Duration::from_secs(60);

/// Listens where the node was reached, or else everywhere.
pub(crate) async fn listen() -> Result<(TcpListener, u16), Failure> {
    let everywhere = [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
    let addresses: Vec<_> = facts().address.into_iter().chain(everywhere).map(any_port).collect();
    let listening = match TcpListener::bind(&addresses[..]).await {
        Ok(listener) => listener.local_addr().map(|address| (listener, address.port())),
        Err(error) => Err(error),
    };
    listening.map_err(|error| Failure::Tool {
        tool: "ays-node".to_owned(),
        reason: format!("listening for other nodes: {error}"),
    })
}

fn any_port(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, 0)
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, tls: Arc<Tls>, stock: watch::Receiver<Stock>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MOST => {
                    let (tls, stock) = (Arc::clone(&tls), stock.clone());
                    connections.spawn(async move {
                        // The other side sees its connection end, and asks elsewhere.
                        let _ = supply(stream, &tls, stock).await;
                    });
                }
                Ok(_) => {}
                // Too many open files: they become fewer.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn supply(stream: TcpStream, tls: &Tls, mut stock: watch::Receiver<Stock>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let asked = async {
        let mut stream = tls.acceptor.accept(stream).await?;
        let request = Request::read(&mut stream, &tls.token).await?;
        Ok::<_, io::Error>((stream, request))
    };
    let (mut stream, Some(Request { epoch, first })) = timeout(PATIENCE, asked).await?? else {
        return Ok(());
    };
    stream.get_mut().1.set_buffer_limit(Some(SEND_BUFFER));
    let mut piece = first;
    loop {
        // A node that has heard less than the other waits until it has heard as much.
        let is_news = |stock: &Stock| {
            stock.epoch > epoch || (stock.epoch == epoch && (stock.pieces() > piece || stock.is_whole))
        };
        let ready = tokio::select! {
            ready = stock.wait_for(is_news) => match ready {
                Ok(stock) if stock.epoch == epoch => Some((Arc::clone(&stock.file), stock.have)),
                _ => None,
            },
            // Nothing more is asked: the other side has gone.
            _ = stream.read_u8() => None,
        };
        let Some((file, have)) = ready else { return Ok(()) };
        let at = piece.saturating_mul(PIECE);
        if at >= have {
            write(&mut stream, &0_u32.to_be_bytes()).await?;
            return stream.shutdown().await;
        }
        send(&mut stream, file, at, PIECE.min(have - at)).await?;
        piece += 1;
    }
}

/// Sends a piece of the file.
async fn send(stream: &mut TlsStream<TcpStream>, file: Arc<File>, at: u64, length: u64) -> io::Result<()> {
    let mut bytes = Vec::new();
    let packed = on_thread(move || pack(&file, at, length, &mut bytes).map(|()| bytes)).await?;
    write(stream, &packed).await?;
    timeout(STALL, stream.flush()).await?
}

/// Ends when no byte is taken for too long.
async fn write(stream: &mut TlsStream<TcpStream>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = timeout(STALL, stream.write(bytes)).await??;
        bytes = &bytes[count..];
    }
    Ok(())
}
