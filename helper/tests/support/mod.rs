//! A helper to talk to, and servers for it that misbehave as they are told.
#![allow(dead_code, unused_imports, reason = "every test file uses its own part of it")]

pub mod ftp;
pub mod grid;
pub mod relay;
mod web;

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ays_helper::{Ended, Limits, Timing, serve};
use ays_model::{Check, Checksum, Download, Md5, Network, PoolOwner, Progress, SecretUrl, Sha256};
use ays_protocol::{
    Expected, Facts, Failure, Fetch, Fetched, FromNode, GREETING, Look, LookAt, Looked, Outcome, Phase,
    PoolClaim, Stamp, Step, ToNode, read_frame, write_frame,
};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, duplex, split,
};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

pub use web::{Answer, End, Request, Web};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Limits with which a source that fails fails soon.
pub fn short() -> Limits {
    Limits {
        connect: Duration::from_secs(2),
        answer: Duration::from_millis(300),
        stall: Duration::from_millis(300),
        tries: 3,
        pause: Duration::from_millis(1),
        ..Limits::default()
    }
}

/// The controller's end of a connection to a helper.
pub struct Node<I, O> {
    pub to: I,
    pub from: O,
    pub hello: Facts,
    pub progress: Vec<Progress>,
    pub beats: usize,
    next: u64,
}

pub type Inside = Node<
    tokio::io::WriteHalf<tokio::io::DuplexStream>,
    BufReader<tokio::io::ReadHalf<tokio::io::DuplexStream>>,
>;

/// A helper within the test's own process.
pub async fn inside(timing: Timing, limits: Limits) -> (Inside, JoinHandle<Ended>) {
    let (ours, theirs) = duplex(1 << 16);
    let (input, output) = split(theirs);
    let ended = tokio::spawn(serve(input, output, timing, limits));
    let (from, to) = split(ours);
    (Node::greeted(to, BufReader::new(from)).await, ended)
}

/// A helper with short limits, for one step.
pub async fn run(step: Step) -> Result<Outcome, Failure> {
    let (mut node, _) = inside(Timing::default(), short()).await;
    node.run(step).await
}

pub type Outside = Node<tokio::process::ChildStdin, BufReader<tokio::process::ChildStdout>>;

/// The real program.
pub async fn outside(arrange: impl FnOnce(&mut Command)) -> (Outside, Child) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ays-node"));
    command.arg("serve");
    arrange(&mut command);
    spawn(command).await
}

/// The real program in a mount namespace of its own, where `directory` is a file system of `size` bytes.
pub async fn outside_on_small_disk(directory: &Path, size: usize) -> (Outside, Child) {
    let script = format!("mount -t tmpfs -o size={size} none \"$1\" && exec \"$0\" serve");
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_ays-node")])
        .arg(directory);
    spawn(command).await
}

/// The real program in a network of its own, whose only name server, 10.9.9.2, never answers: it is not there, and
/// nothing says so.
pub async fn outside_with_silent_names(settings: &Path) -> (Outside, Child) {
    let script = "ip link add one type veth peer name other && ip address add 10.9.9.1/24 dev one \
        && ip link set one up && ip link set other up \
        && ip neighbour add 10.9.9.2 lladdr 02:00:00:00:00:01 dev one nud permanent \
        && mount --bind \"$1\" \"$(readlink -f /etc/resolv.conf)\" && exec \"$0\" serve";
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "--net", "sh", "-c", script, env!("CARGO_BIN_EXE_ays-node")])
        .arg(settings);
    spawn(command).await
}

/// The real program, whose new files nobody else may read unless it says so.
pub async fn outside_with_strict_umask() -> (Outside, Child) {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" serve", env!("CARGO_BIN_EXE_ays-node")]);
    spawn(command).await
}

async fn spawn(mut command: Command) -> (Outside, Child) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (Node::greeted(to, BufReader::new(from)).await, child)
}

impl<I: AsyncWrite + Unpin, O: AsyncRead + AsyncBufReadExt + Unpin> Node<I, O> {
    async fn greeted(to: I, mut from: O) -> Self {
        let mut lines = String::new();
        from.read_line(&mut lines).await.unwrap();
        from.read_line(&mut lines).await.unwrap();
        assert_eq!(lines, format!("\n{GREETING}\n"));
        let Some(FromNode::Hello(hello)) = read_frame(&mut from).await.unwrap() else {
            panic!("the first frame is Hello");
        };
        Self { to, from, hello, progress: Vec::new(), beats: 0, next: 1 }
    }

    pub async fn start(&mut self, step: Step) -> u64 {
        let id = self.next;
        self.next += 1;
        write_frame(&mut self.to, &ToNode::Run { id, step }).await.unwrap();
        id
    }

    pub async fn beat(&mut self) {
        write_frame(&mut self.to, &ToNode::Beat).await.unwrap();
    }

    pub async fn next(&mut self) -> FromNode {
        let frame = tokio::time::timeout(PATIENCE, read_frame(&mut self.from)).await.expect("a frame comes");
        frame.unwrap().expect("the helper has not ended")
    }

    pub async fn end_of(&mut self, step: u64) -> Result<Outcome, Failure> {
        loop {
            match self.next().await {
                FromNode::Hello(_) => panic!("a second Hello"),
                FromNode::Beat => self.beats += 1,
                FromNode::Said { said, .. } => panic!("said of a fetch that is not shared: {said:?}"),
                FromNode::Progress { id, progress } => {
                    assert_eq!(id, step);
                    self.progress.push(progress);
                }
                FromNode::Done { id, result } => {
                    assert_eq!(id, step);
                    return result;
                }
            }
        }
    }

    pub async fn run(&mut self, step: Step) -> Result<Outcome, Failure> {
        let id = self.start(step).await;
        self.end_of(id).await
    }
}

pub fn fetch(url: &str, dest: &Path, check: Check) -> Step {
    let download = Download {
        url: SecretUrl::parse(url).unwrap(),
        mirrors: Vec::new(),
        dest: dest.to_owned(),
        check,
        member: None,
        network: Network::default(),
    };
    Step::Fetch(Fetch { download, share: None, unpack: None })
}

pub fn look(url: &str, at: LookAt) -> Step {
    let within = Duration::from_secs(5);
    Step::Look(vec![Look { url: SecretUrl::parse(url).unwrap(), network: Network::default(), at, within }])
}

/// The answer to the only question.
pub fn answer(outcome: Result<Outcome, Failure>) -> Result<Looked, Failure> {
    match outcome {
        Ok(Outcome::Looked(mut answers)) if answers.len() == 1 => answers.remove(0),
        other => panic!("{other:?}"),
    }
}

/// What a fetch of `body` to `dest`, where it lies now, says when nothing was in its way and nothing was checked.
pub fn fetched(dest: &Path, body: &[u8], etag: Option<&str>) -> Fetched {
    Fetched {
        size: body.len() as u64,
        md5: md5(body),
        sha256: sha256(body),
        verified_by: None,
        signed_by: None,
        version: None,
        kept: false,
        is_source: false,
        resumed_at: 0,
        etag: etag.map(str::to_owned),
        last_modified: None,
        stamp: stamp(dest),
    }
}

pub fn unreachable(url: &str, phase: Phase, reason: &str, attempts: u32) -> Result<Outcome, Failure> {
    Err(Failure::Unreachable { url: url.to_owned(), phase, reason: reason.to_owned(), attempts })
}

/// The names in a directory, hidden ones too.
/// The pool in a directory, as the catalogue `one` wants to write into it.
pub fn claim(pool: &Path) -> PoolClaim {
    claim_of("one", pool)
}

/// The same of a catalogue that a test calls so.
pub fn claim_of(catalogue: &str, pool: &Path) -> PoolClaim {
    PoolClaim {
        path: pool.to_owned(),
        pool: "local".into(),
        node: "n1".into(),
        owner: PoolOwner {
            catalogue: catalogue.into(),
            environment: "g8".into(),
            taken_by: "ops@c".to_owned(),
        },
        known: Vec::new(),
    }
}

pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What a fetch says of the file that it brought to `path`.
pub fn stamp(path: &Path) -> Stamp {
    let found = path.metadata().unwrap();
    Stamp {
        device: found.dev(),
        inode: found.ino(),
        size: found.len(),
        modified_ns: found.mtime() * 1_000_000_000 + found.mtime_nsec(),
    }
}

/// Bytes that do not repeat.
pub fn content(length: usize) -> Vec<u8> {
    (0..length as u64).map(|number| (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u8).collect()
}

/// What `body` is verified by where its MD5 is known.
pub fn by_md5(body: &[u8]) -> Option<Expected> {
    Some(Expected::Checksum(Checksum::Md5(md5(body))))
}

/// What `body` is verified by where its SHA-256 is known.
pub fn by_sha256(body: &[u8]) -> Option<Expected> {
    Some(Expected::Checksum(Checksum::Sha256(sha256(body))))
}

pub fn md5(bytes: &[u8]) -> Md5 {
    use md5::Digest;
    Md5(md5::Md5::digest(bytes).into())
}

pub fn sha256(bytes: &[u8]) -> Sha256 {
    use sha2::Digest;
    Sha256(sha2::Sha256::digest(bytes).into())
}

/// Until nobody writes to the part of `dest` any more: within one process, a thread may do so for a moment after its
/// helper has ended.
pub async fn released(dest: &Path) {
    let part = dest.with_file_name(format!(".{}.ays-part", dest.file_name().unwrap().display()));
    until("the end of writing", || File::open(&part).map_or(true, |part| part.try_lock().is_ok())).await;
}

/// A server that says the same to everybody, whatever it is asked, and closes.
pub async fn speak(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(words).await;
        }
    });
    address
}

/// Waits for what is seen by looking again and again.
pub async fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let looking = async {
        while !seen() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("{what} did not happen"));
}
