//! A way from the node's loopback or network to the controller: stdin and stdout as one connection.

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use ays_protocol::GREETING;
use tokio::io::{AsyncWriteExt, BufReader, copy_buf, stdin, stdout};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The first argument that makes the helper such a way: `dial ADDRESS PORT`.
pub const DIAL_MODE: &str = "dial";

const CONNECT: Duration = Duration::from_secs(5);

const BUFFER: usize = 256 << 10;

/// Connects to the address and port that the arguments name, greets, and passes on what comes until either side ends.
pub fn dial(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (address, port, rest) = (arguments.next(), arguments.next(), arguments.next());
    let address = address.and_then(|text| text.to_str()?.parse::<IpAddr>().ok());
    let port = port.and_then(|text| text.to_str()?.parse::<u16>().ok());
    let (Some(address), Some(port), None) = (address, port, rest) else { return ExitCode::from(2) };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let passed = runtime.block_on(pass(SocketAddr::new(address, port)));
    // A thread may still wait for input that nobody wants any more.
    runtime.shutdown_background();
    match passed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

async fn pass(to: SocketAddr) -> io::Result<()> {
    let mut stream = timeout(CONNECT, TcpStream::connect(to)).await??;
    stream.set_nodelay(true)?;
    let mut output = stdout();
    output.write_all(format!("\n{GREETING}\n").as_bytes()).await?;
    output.flush().await?;
    let (from, mut to) = stream.split();
    let mut from = BufReader::with_capacity(BUFFER, from);
    let mut input = BufReader::with_capacity(BUFFER, stdin());
    tokio::select! {
        sent = copy_buf(&mut input, &mut to) => sent.map(|_| ()),
        received = copy_buf(&mut from, &mut output) => {
            received?;
            output.flush().await
        }
    }
}

#[expect(clippy::print_stderr, reason = "the controller shows it when no connection came about")]
fn say(error: &io::Error) {
    eprintln!("{error}");
}
