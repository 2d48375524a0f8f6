//! What goes wrong between two nodes of a shared fetch, and the way through the controller.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use ays_model::Check;
use ays_protocol::{GREETING, News, Outcome, PIECE, Said, Secret, Share, Supplier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use support::grid::{Grid, share};
use support::{Answer, PATIENCE, Web, content};
use tempfile::{TempDir, tempdir};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const MIB: usize = PIECE as usize;

/// A leader that has the whole file, and a second node that has been told so.
struct Pair {
    grid: Grid,
    directory: TempDir,
    web: Web,
    body: Vec<u8>,
}

impl Pair {
    async fn with(share: impl FnOnce(&Share) -> Share) -> Self {
        let body = content(3 * MIB + 1);
        let served = body.clone();
        let web = Web::start(move |request, _| Answer::file(request, &served, "\"one\"")).await;
        let directory = tempdir().unwrap();
        let mut grid = Grid::new();
        grid.join(&web.url("/x"), &directory.path().join("0"), Check::None).await;
        grid.source(0).await;
        assert!(grid.result(0).await.is_ok());
        let share = share(&grid.share);
        grid.join_with(&web.url("/x"), &directory.path().join("1"), Check::None, share).await;
        Self { grid, directory, web, body }
    }

    /// The second node gets it in the end.
    async fn ends_well(mut self) {
        let Ok(Outcome::Fetched(fetched)) = self.grid.result(1).await else { panic!() };
        assert_eq!((fetched.size, fetched.resumed_at), (self.body.len() as u64, 0));
        assert!(std::fs::read(self.directory.path().join("1")).unwrap() == self.body);
        assert_eq!(self.web.ranges(), [None]);
    }
}

fn lost(reason: &str) -> Said {
    Said::Lost { reason: reason.to_owned(), unreachable: false }
}

fn unreachable(reason: &str) -> Said {
    Said::Lost { reason: reason.to_owned(), unreachable: true }
}

/// A node that knows the run's key, but sends what it likes to the first who asks.
async fn impostor(share: &Share, words: Vec<u8>) -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(share.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(share.key.expose().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
        stream.write_all(&words).await.unwrap();
        stream.flush().await.unwrap();
        // What is asked, and then that nobody asks any more.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    address
}

#[tokio::test]
async fn what_an_impostor_sends_is_not_taken() {
    let bits = |length: usize| {
        let blocks = length.div_ceil(4096);
        let mut bits = [0; 32];
        (0..blocks).for_each(|number| bits[number / 8] |= 1 << (number % 8));
        bits
    };
    let piece = |bytes: &[u8]| {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bits(bytes.len()), bytes].concat()
    };
    let mut pair = Pair::with(Share::clone).await;
    let mut wrong = pair.body[..MIB].to_vec();
    wrong[MIB - 1] ^= 1;
    for (words, reason) in [
        (piece(&wrong), "it gave a piece that is not the leader's"),
        (piece(b"short"), "it gave a piece that is not the leader's"),
        ((PIECE as u32 + 1).to_be_bytes().to_vec(), "it sent what is no piece"),
        (vec![0; 4], "it has no more"),
        (piece(&wrong)[..1000].to_vec(), "no byte came for 3s"),
        // Blocks behind the end of the piece.
        ([&5_u32.to_be_bytes()[..], &bits(5000)].concat(), "it sent what is no piece"),
        ([&(PIECE as u32).to_be_bytes()[..], &[0; 32]].concat(), "it gave a piece that is not the leader's"),
    ] {
        let address = impostor(&pair.grid.share, words).await;
        pair.grid.tell(1, News::From(Supplier::Peer(address))).await;
        assert_eq!(pair.grid.said_by(1).await, lost(reason));
    }
    // One that gives good pieces first is of use until it gives a wrong one.
    let words = [piece(&pair.body[..MIB]), piece(&wrong)].concat();
    let address = impostor(&pair.grid.share, words).await;
    pair.grid.tell(1, News::From(Supplier::Peer(address))).await;
    assert_eq!(pair.grid.said_by(1).await, lost("it gave a piece that is not the leader's"));
    pair.grid.has(1, PIECE).await;
    pair.grid.from(1, 0).await;
    pair.ends_well().await;
}

#[tokio::test]
async fn who_does_not_know_the_token_gets_nothing() {
    let mut pair =
        Pair::with(|share| Share { token: Secret::new("tHe token".into()), ..share.clone() }).await;
    pair.grid.from(1, 0).await;
    assert_eq!(pair.grid.said_by(1).await, lost("it closed the connection"));
}

#[tokio::test]
async fn a_node_with_another_certificate_is_not_asked() {
    let mut pair = Pair::with(|mine| Share { token: mine.token.clone(), ..share() }).await;
    pair.grid.from(1, 0).await;
    assert_eq!(pair.grid.said_by(1).await, unreachable("invalid peer certificate: BadSignature"));
}

#[tokio::test]
async fn a_node_that_is_not_there_is_unreachable() {
    let mut pair = Pair::with(Share::clone).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    pair.grid.tell(1, News::From(Supplier::Peer(closed))).await;
    assert_eq!(pair.grid.said_by(1).await, unreachable("Connection refused (os error 111)"));
    pair.grid.from(1, 0).await;
    pair.ends_well().await;
}

/// A node that asks for a piece, and takes nothing; none when it is turned away.
async fn taker(share: &Share, port: u16, piece: u64) -> Option<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(share.certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = "ays-run".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let token = share.token.expose().as_bytes();
    let length = u32::try_from(12 + token.len()).unwrap();
    let request = [&length.to_be_bytes()[..], &1_u32.to_be_bytes(), &piece.to_be_bytes(), token].concat();
    stream.write_all(&request).await.unwrap();
    Some(stream)
}

#[tokio::test]
async fn so_many_nodes_are_served_at_a_time_and_no_more() {
    let web = Web::start(|_, _| Answer::whole(&content(3 * MIB)).cut(2 * MIB + 5, support::End::Hang)).await;
    let directory = tempdir().unwrap();
    let mut grid = Grid::new();
    grid.join(&web.url("/x"), &directory.path().join("0"), Check::None).await;
    grid.source(0).await;
    grid.has(0, 2 * PIECE + 5).await;
    let mut waiting = Vec::new();
    for _ in 0..64 {
        waiting.push(taker(&grid.share, grid.port(0), 2).await.unwrap());
    }
    assert!(taker(&grid.share, grid.port(0), 2).await.is_none());
    // Those that have gone make room, though there was nothing to say to them.
    drop(waiting);
    let mut piece = vec![0; MIB + 36];
    loop {
        let Some(mut stream) = taker(&grid.share, grid.port(0), 0).await else { continue };
        stream.read_exact(&mut piece).await.unwrap();
        break;
    }
    assert!(piece[..4] == (PIECE as u32).to_be_bytes() && piece[36..] == content(3 * MIB)[..MIB]);
}

#[tokio::test]
async fn garbage_is_answered_by_nothing() {
    let pair = Pair::with(Share::clone).await;
    let mut stream = TcpStream::connect(("127.0.0.1", pair.grid.port(0))).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    // At most what TLS itself says of it: an alert.
    assert!(answer.is_empty() || answer.starts_with(&[0x15, 3]), "{answer:?}");
}

/// One end of the way through the controller.
async fn dial(port: u16) -> (Child, ChildStdin, BufReader<ChildStdout>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ays-node"))
        .args(["dial", "127.0.0.1", &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut lines = String::new();
    output.read_line(&mut lines).await.unwrap();
    output.read_line(&mut lines).await.unwrap();
    assert_eq!(lines, format!("\n{GREETING}\n"));
    (child, input, output)
}

#[tokio::test]
async fn pieces_come_through_the_controller_where_nodes_do_not_reach_each_other() {
    let mut pair = Pair::with(Share::clone).await;
    pair.grid.tell(1, News::From(Supplier::Inbox)).await;
    let said = pair.grid.said_by(1).await;
    let Said::Inbox { port } = said else { panic!("{said:?}") };
    let (mut one, mut to_one, mut from_one) = dial(pair.grid.port(0)).await;
    let (mut other, mut to_other, mut from_other) = dial(port).await;
    let there = tokio::spawn(async move { copy(&mut from_one, &mut to_other).await });
    let back = tokio::spawn(async move { copy(&mut from_other, &mut to_one).await });
    pair.ends_well().await;
    // The node closes its end when it has all, and that ends both programs.
    let both = async { (one.wait().await.unwrap().code(), other.wait().await.unwrap().code()) };
    assert_eq!(tokio::time::timeout(PATIENCE, both).await.unwrap(), (Some(0), Some(0)));
    there.abort();
    back.abort();
}

#[tokio::test]
async fn a_way_to_nowhere_ends_at_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dial = |arguments: Vec<String>| {
        Command::new(env!("CARGO_BIN_EXE_ays-node")).arg("dial").args(arguments).output()
    };
    let output = dial(vec!["127.0.0.1".into(), closed.port().to_string()]).await.unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
    for arguments in
        [vec!["127.0.0.1"], vec!["127.0.0.1", "1", "2"], vec!["localhost", "1"], vec!["::1", "x"]]
    {
        let output = dial(arguments.iter().map(ToString::to_string).collect()).await.unwrap();
        assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()), "{arguments:?}");
    }
}
