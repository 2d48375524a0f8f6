//! An HTTP server that does what servers and networks do on bad days.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};

use super::lab::Lab;

/// What happens to one request for the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends in order after this many bytes of the body.
    Truncate(usize),
    /// After this many bytes nothing comes any more, and the connection stays.
    Stall(usize),
    /// After this many bytes the connection is reset.
    Reset(usize),
    /// The body is this much longer than the header says.
    Longer(usize),
    /// No length, and a body without end.
    Endless,
    /// From now on the file is this one, with another ETag.
    Change(Vec<u8>),
    /// The whole file is sent whatever range was asked for.
    IgnoreRange,
    /// This status, and a page of HTML.
    Status(u16),
}

struct State {
    content: Vec<u8>,
    version: u32,
    faults: VecDeque<Fault>,
    requests: Vec<String>,
}

/// A server for one file, `/file`, and its `/file.md5sum`, at a port of [`Lab::SOURCE`]. Requests for the file meet
/// the faults in their order, and then none.
pub struct Faulty {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Faulty {
    /// Starts it.
    pub fn start(_lab: &Lab, content: Vec<u8>, faults: impl IntoIterator<Item = Fault>) -> Self {
        let listener = TcpListener::bind((Lab::SOURCE, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let faults = faults.into_iter().collect();
        let state = Arc::new(Mutex::new(State { content, version: 1, faults, requests: Vec::new() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // A client that goes away is part of the story.
                thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Self { port, state }
    }

    /// The address of the server, without a path.
    pub fn url(&self) -> String {
        format!("http://{}:{}", Lab::SOURCE, self.port)
    }

    /// The requests so far: `GET /file`, or `GET /file bytes=10-` for a part of it.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let (mut range, mut if_range) = (None, None);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "range" => range = Some(value.to_owned()),
                "if-range" => if_range = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut record = format!("{method} {path}");
        if let Some(range) = &range {
            record = format!("{record} {range}");
        }
        let head_only = method == "HEAD";
        let fault = {
            let mut state = state.lock().unwrap();
            state.requests.push(record);
            if path == "/file" && !head_only {
                let fault = state.faults.pop_front();
                if let Some(Fault::Change(content)) = &fault {
                    state.content.clone_from(content);
                    state.version += 1;
                }
                fault
            } else {
                None
            }
        };
        let (content, etag) = {
            let state = state.lock().unwrap();
            (state.content.clone(), format!("\"v{}\"", state.version))
        };
        match path {
            "/file" => {}
            "/file.md5sum" => {
                let sum = md5_of(&content);
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{sum}  file\n", sum.len() + 7)?;
                continue;
            }
            _ => {
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
                continue;
            }
        }
        if let Some(Fault::Status(code)) = fault {
            let page = "<html><body>not now</body></html>";
            write!(stream, "HTTP/1.1 {code} No\r\nContent-Length: {}\r\n\r\n{page}", page.len())?;
            continue;
        }
        if fault == Some(Fault::Endless) {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&content)?;
            }
        }
        let same = if_range.is_none_or(|tag| tag == etag);
        let from = range
            .filter(|_| same && fault != Some(Fault::IgnoreRange))
            .and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse::<usize>().ok())
            .unwrap_or(0);
        let total = content.len();
        if from > 0 && from >= total {
            write!(stream, "HTTP/1.1 416 No\r\nContent-Range: bytes */{total}\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        let (status, range) = if from > 0 {
            ("206 Partial Content", format!("Content-Range: bytes {from}-{}/{total}\r\n", total - 1))
        } else {
            ("200 OK", String::new())
        };
        let length = total - from;
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: {etag}\r\nAccept-Ranges: bytes\r\n{range}\r\n"
        )?;
        if head_only {
            continue;
        }
        let body = &content[from..];
        match fault {
            Some(Fault::Truncate(after)) => return stream.write_all(&body[..after.min(length)]),
            Some(Fault::Stall(after)) => {
                stream.write_all(&body[..after.min(length)])?;
                // Until the client goes away, or the test ends.
                return reader.read_line(&mut String::new()).map(drop);
            }
            Some(Fault::Reset(after)) => {
                stream.write_all(&body[..after.min(length)])?;
                stream.flush()?;
                // What was sent should arrive before the reset throws away the rest.
                thread::sleep(Duration::from_millis(50));
                let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
                setsockopt(&stream, sockopt::Linger, &at_once)?;
                return Ok(());
            }
            Some(Fault::Longer(more)) => {
                stream.write_all(body)?;
                return stream.write_all(&vec![b'x'; more]);
            }
            _ => stream.write_all(body)?,
        }
    }
}

fn md5_of(content: &[u8]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    super::md5(file.path())
}
