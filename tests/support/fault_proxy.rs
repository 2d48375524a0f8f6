//! A proxy before a real server, which has chosen requests fail as networks and servers do, and notes all of them.

use std::{
    io::{self, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    ops::{Bound, RangeBounds},
    os::fd::AsRawFd,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use nix::sys::socket::{self, setsockopt, sockopt};

use super::message::{Body, Head, StillRead, read_head};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyFault {
    /// It is answered with this status, and the server never sees it.
    Status(u16),
    /// The server gets it and answers; the answer is thrown away and the connection closed.
    LoseAnswer,
    /// Nothing is passed on or answered any more; the connection stays.
    Stall,
    /// The connection is reset, and new ones are refused until [`FaultProxy::accept`].
    Refuse,
}

/// A request that came to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxiedRequest {
    pub method: String,
    /// With the query.
    pub path: String,
    /// As the client wrote them.
    pub headers: Vec<(String, String)>,
    /// The bytes of its body that the proxy has read so far.
    pub body_length: u64,
}

/// It passes requests on to a server, one connection for each, and their answers back. Bodies of any size flow through.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    requests: Vec<(ProxiedRequest, Arc<AtomicU64>)>,
    /// None: connections are refused.
    listener: Option<TcpListener>,
    has_ended: bool,
}

struct Rule {
    method: String,
    path_part: String,
    first: usize,
    last: usize,
    fault: ProxyFault,
    seen: usize,
}

impl FaultProxy {
    /// Starts it at an address and port of the lab (0: any port), before the server at `target`.
    pub fn start(address: &str, port: u16, target: &str) -> Self {
        let listener = TcpListener::bind((address, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let (state, ended) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { target: target.parse().unwrap(), state, ended });
        let proxy = Self { address, shared };
        proxy.listen(listener);
        proxy
    }

    /// `http://address:port`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, those requests by this method (empty: any) whose path and query contain `path_part` fail that have
    /// these numbers among them: `1..=1` is the next one, `2..` all after it. The first rule that says so decides.
    pub fn fail(&self, method: &str, path_part: &str, numbers: impl RangeBounds<usize>, fault: ProxyFault) {
        let first = match numbers.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 1,
        };
        let last = match numbers.end_bound() {
            Bound::Included(last) => *last,
            Bound::Excluded(after) => after - 1,
            Bound::Unbounded => usize::MAX,
        };
        let (method, path_part) = (method.to_owned(), path_part.to_owned());
        let rule = Rule { method, path_part, first, last, fault, seen: 0 };
        self.shared.state.lock().unwrap().rules.push(rule);
    }

    /// From now on no request fails.
    pub fn heal(&self) {
        self.shared.state.lock().unwrap().rules.clear();
    }

    /// From now on connections are refused; those that are there stay.
    pub fn refuse(&self) {
        self.shared.refuse();
    }

    /// Lets connections in again.
    pub fn accept(&self) {
        if self.shared.state.lock().unwrap().listener.is_none() {
            self.listen(TcpListener::bind(self.address).unwrap());
        }
    }

    /// All requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<ProxiedRequest> {
        let state = self.shared.state.lock().unwrap();
        let request = |(request, length): &(ProxiedRequest, Arc<AtomicU64>)| {
            let body_length = length.load(Ordering::Relaxed);
            ProxiedRequest { body_length, ..request.clone() }
        };
        state.requests.iter().map(request).collect()
    }

    /// How many requests came so far by this method (empty: any), and with this in path and query.
    pub fn count(&self, method: &str, path_part: &str) -> usize {
        let is_meant = |request: &&ProxiedRequest| matches(request, method, path_part);
        self.requests().iter().filter(is_meant).count()
    }

    /// Where a text, perhaps a secret, was in a path or header: `GET /x` or `GET /x authorization`.
    pub fn find(&self, text: &str) -> Vec<String> {
        let mut places = Vec::new();
        for ProxiedRequest { method, path, headers, .. } in self.requests() {
            if path.contains(text) {
                places.push(format!("{method} {path}"));
            }
            let found = headers.iter().filter(|(_, value)| value.contains(text));
            places.extend(found.map(|(name, _)| format!("{method} {path} {}", name.to_ascii_lowercase())));
        }
        places
    }

    fn listen(&self, listener: TcpListener) {
        self.shared.state.lock().unwrap().listener = Some(listener.try_clone().unwrap());
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                // A client or a server that goes away is part of the story.
                thread::spawn(move || drop(serve(&client, &shared)));
            }
        });
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.refuse();
        self.shared.state.lock().unwrap().has_ended = true;
        self.shared.ended.notify_all();
    }
}

impl Shared {
    fn refuse(&self) {
        let Some(listener) = self.state.lock().unwrap().listener.take() else { return };
        // It ends the thread that waits for connections too.
        socket::shutdown(listener.as_raw_fd(), socket::Shutdown::Both).unwrap();
    }

    fn wait_until_ended(&self) {
        let state = self.state.lock().unwrap();
        drop(self.ended.wait_while(state, |state| !state.has_ended));
    }

    /// Notes a request; gives what happens to it, and where the bytes of its body are counted.
    fn note(&self, head: &Head) -> (Option<ProxyFault>, Arc<AtomicU64>) {
        let (method, path) = head.method_and_path();
        let headers = head.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (method, path) = (method.to_owned(), path.to_owned());
        let request = ProxiedRequest { method, path, headers, body_length: 0 };
        let mut state = self.state.lock().unwrap();
        let mut fault = None;
        for rule in &mut state.rules {
            if matches(&request, &rule.method, &rule.path_part) {
                rule.seen += 1;
                let is_meant = (rule.first..=rule.last).contains(&rule.seen);
                fault = fault.or(is_meant.then_some(rule.fault));
            }
        }
        let length = Arc::new(AtomicU64::new(0));
        state.requests.push((request, Arc::clone(&length)));
        (fault, length)
    }
}

fn matches(request: &ProxiedRequest, method: &str, path_part: &str) -> bool {
    (method.is_empty() || request.method == method) && request.path.contains(path_part)
}

/// One connection of a client.
fn serve(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut requests = BufReader::with_capacity(1 << 16, client);
    while let Some(head) = read_head(&mut requests)? {
        let (fault, length) = shared.note(&head);
        let is_last = match fault {
            Some(ProxyFault::Status(status)) => {
                // Who asks first whether to send the body shall not send it.
                let is_unsent = head.expects_continue();
                if !is_unsent {
                    head.request_body().copy(&mut requests, &mut io::sink(), &length)?;
                }
                let end = if is_unsent { "Connection: close\r\n" } else { "" };
                write!(&mut &*client, "HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\n{end}\r\n")?;
                is_unsent || head.closes()
            }
            Some(ProxyFault::Stall) => {
                shared.wait_until_ended();
                true
            }
            Some(ProxyFault::Refuse) => {
                shared.refuse();
                let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
                setsockopt(client, sockopt::Linger, &at_once)?;
                true
            }
            Some(ProxyFault::LoseAnswer) => {
                pass_on(client, &mut requests, &head, &length, shared.target, &mut io::sink())?;
                true
            }
            None => pass_on(client, &mut requests, &head, &length, shared.target, &mut &*client)?,
        };
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Passes a request on, and its final answer to `answers`; tells whether the connection of the client ends with it.
fn pass_on(
    client: &TcpStream,
    requests: &mut BufReader<&TcpStream>,
    head: &Head,
    length: &AtomicU64,
    target: SocketAddr,
    answers: &mut impl Write,
) -> io::Result<bool> {
    let server = TcpStream::connect(target)?;
    server.set_nodelay(true)?;
    (&server).write_all(head.bytes())?;
    let (sent, is_sent) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let copied = head.request_body().copy(requests, &mut StillRead::of(&server), length);
            if copied.is_err() {
                // The server must see that the client has gone.
                let _ = server.shutdown(Shutdown::Both);
            }
            let _ = sent.send(());
        });
        let is_last = pass_back(client, head, &server, answers);
        if is_last.is_ok() && is_sent.recv_timeout(Duration::from_secs(1)).is_err() {
            // The server answered without the whole body: what still comes is thrown away, so that the client reads
            // the answer before its connection is reset.
            let _ = server.shutdown(Shutdown::Both);
            let _ = client.shutdown(Shutdown::Write);
            let _ = is_sent.recv_timeout(Duration::from_secs(5));
            let _ = client.shutdown(Shutdown::Both);
            return Ok(true);
        }
        if is_last.is_err() {
            let _ = client.shutdown(Shutdown::Both);
        }
        is_last
    })
}

fn pass_back(
    client: &TcpStream,
    request: &Head,
    server: &TcpStream,
    answers: &mut impl Write,
) -> io::Result<bool> {
    let mut from_server = BufReader::with_capacity(1 << 16, server);
    loop {
        let head = read_head(&mut from_server)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if head.is_interim() {
            // `100 Continue`: without it the body does not come, whatever happens to the answer.
            (&mut &*client).write_all(head.bytes())?;
            continue;
        }
        let body = head.answer_body(request);
        answers.write_all(head.bytes())?;
        body.copy(&mut from_server, answers, &AtomicU64::new(0))?;
        return Ok(body == Body::UntilEnd || head.closes() || request.closes());
    }
}
