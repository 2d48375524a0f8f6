//! Messages of HTTP/1.1 as they are on the wire: heads, and where bodies end.

use std::{
    io::{self, BufRead, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
};

/// The head of a request or an answer.
pub struct Head(String);

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// After so many bytes.
    Length(u64),
    /// After a chunk without bytes.
    Chunked,
    /// With the connection.
    UntilEnd,
}

/// The head of the next message; none where the connection has ended in order.
pub fn read_head(from: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut head = String::new();
    loop {
        let line = head.len();
        from.read_line(&mut head)?;
        match &head[line..] {
            "" if line == 0 => return Ok(None),
            "" => return Err(io::ErrorKind::UnexpectedEof.into()),
            "\r\n" => return Ok(Some(Head(head))),
            _ => {}
        }
    }
}

impl Head {
    /// As it came.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Of a request.
    pub fn method_and_path(&self) -> (&str, &str) {
        let mut words = self.0.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// Names and values.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.0.lines().skip(1);
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1)
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.header(name).is_some_and(|found| found.to_ascii_lowercase().contains(value))
    }

    /// Whether the sender closes the connection after this message.
    pub fn closes(&self) -> bool {
        self.has("connection", "close")
    }

    /// Whether a client asks before it sends the body.
    pub fn expects_continue(&self) -> bool {
        self.has("expect", "100-continue")
    }

    /// Whether another answer follows.
    pub fn is_interim(&self) -> bool {
        self.status().starts_with('1')
    }

    fn status(&self) -> &str {
        self.0.split(' ').nth(1).unwrap_or_default()
    }

    fn told_body(&self) -> Option<Body> {
        if self.has("transfer-encoding", "chunked") {
            return Some(Body::Chunked);
        }
        self.header("content-length").map(|length| Body::Length(length.parse().unwrap()))
    }

    /// The body of this request.
    pub fn request_body(&self) -> Body {
        self.told_body().unwrap_or(Body::Length(0))
    }

    /// The body of this answer to a request.
    pub fn answer_body(&self, request: &Self) -> Body {
        if request.method_and_path().0 == "HEAD" || ["204", "304"].contains(&self.status()) {
            return Body::Length(0);
        }
        self.told_body().unwrap_or(Body::UntilEnd)
    }
}

impl Body {
    /// Passes it on as it is, piece by piece, and counts the bytes, those around chunks left out.
    pub fn copy(self, from: &mut impl BufRead, to: &mut impl Write, counted: &AtomicU64) -> io::Result<()> {
        match self {
            Self::Length(length) => copy_part(from, to, length, counted),
            Self::UntilEnd => match copy_part(from, to, u64::MAX, counted) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
                other => other,
            },
            Self::Chunked => loop {
                let line = copy_line(from, to)?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
                if size == 0 {
                    // Trailers, and an empty line.
                    while copy_line(from, to)?.len() > 2 {}
                    return Ok(());
                }
                copy_part(from, to, size, counted)?;
                copy_line(from, to)?;
            },
        }
    }
}

fn copy_line(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<String> {
    let mut line = String::new();
    from.take(1 << 16).read_line(&mut line)?;
    to.write_all(line.as_bytes())?;
    if line.ends_with('\n') { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn copy_part(
    from: &mut impl BufRead,
    to: &mut impl Write,
    mut left: u64,
    counted: &AtomicU64,
) -> io::Result<()> {
    while left > 0 {
        let bytes = from.fill_buf()?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        to.write_all(&bytes[..length])?;
        from.consume(length);
        counted.fetch_add(length as u64, Ordering::Relaxed);
        left -= length as u64;
    }
    Ok(())
}

/// The way to a server that may stop reading; what comes after that is thrown away.
pub struct StillRead<'a>(Option<&'a TcpStream>);

impl<'a> StillRead<'a> {
    pub fn of(server: &'a TcpStream) -> Self {
        Self(Some(server))
    }
}

impl Write for StillRead<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.is_some_and(|mut server| server.write_all(bytes).is_err()) {
            self.0 = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
