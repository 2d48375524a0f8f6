//! A web server that answers as a function of the test's says, one request a connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub path: String,
    headers: HashMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The first byte that a `Range` asks for.
    pub fn range(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What happens after the body.
#[derive(Debug, Clone, Copy)]
pub enum End {
    Close,
    Reset,
    Hang,
    /// The body comes again and again.
    Endless,
    /// A byte comes every now and then.
    Drip,
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub end: End,
}

impl Answer {
    pub fn status(status: &'static str) -> Self {
        Self { status, headers: vec![("Content-Length", "0".into())], body: Vec::new(), end: End::Close }
    }

    pub fn text(text: &str) -> Self {
        Self::whole(text.as_bytes())
    }

    pub fn whole(body: &[u8]) -> Self {
        Self {
            status: "200 OK",
            headers: vec![("Content-Length", body.len().to_string())],
            body: body.to_owned(),
            end: End::Close,
        }
    }

    /// As a good server answers: the range that is asked for, if the file is still the same one.
    pub fn file(request: &Request, body: &[u8], etag: &str) -> Self {
        let same = request.header("if-range").is_none_or(|validator| validator == etag);
        let mut answer = match request.range() {
            Some(at) if same && at < body.len() => {
                let range = format!("bytes {at}-{}/{}", body.len() - 1, body.len());
                Self::whole(&body[at..]).with("Content-Range", &range).partial()
            }
            _ => Self::whole(body),
        };
        answer.headers.push(("ETag", etag.into()));
        answer
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(present, _)| *present != name);
        self
    }

    pub fn partial(mut self) -> Self {
        self.status = "206 Partial Content";
        self
    }

    /// Only the first bytes of the body come, whatever the headers say.
    pub fn cut(mut self, length: usize, end: End) -> Self {
        self.body.truncate(length);
        self.end = end;
        self
    }
}

pub struct Web {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Web {
    /// `answer` is given every request and how many came before it.
    pub async fn start(answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(respond(stream, Arc::clone(&seen), Arc::clone(&answer)));
            }
        });
        Self { address, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn ranges(&self) -> Vec<Option<usize>> {
        self.requests().iter().map(Request::range).collect()
    }
}

async fn respond(
    stream: TcpStream,
    seen: Arc<Mutex<Vec<Request>>>,
    answer: Arc<impl Fn(&Request, usize) -> Answer + Send + Sync>,
) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream).await else { return };
    let answer = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        answer(&request, seen.len() - 1)
    };
    let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    if stream.write_all(head.as_bytes()).await.is_err() || request.method == "HEAD" {
        return;
    }
    if stream.write_all(&answer.body).await.is_err() {
        return;
    }
    match answer.end {
        End::Close => {}
        End::Reset => {
            // What was written is read first, so that the reset cuts nothing else off.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let _ = stream.get_ref().set_zero_linger();
        }
        End::Hang => std::future::pending().await,
        End::Drip => {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
        End::Endless => while stream.write_all(&answer.body).await.is_ok() {},
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.first()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Some(Request { method, path, headers })
}
