//! The connection on which a server of FTP is told what to do.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::reply::Reply;
use super::stream::{Stream, Tls};

/// The most bytes of one answer.
const MOST: usize = 64 << 10;

/// The most characters of it that are told.
const MOST_TOLD: usize = 500;

/// The connection on which a server of FTP is told what to do.
#[derive(Debug)]
pub(crate) struct Control {
    stream: BufReader<Stream>,
    peer: SocketAddr,
}

impl Control {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        let peer = stream.peer_addr()?;
        Ok(Self { stream: BufReader::new(Stream::Plain(stream)), peer })
    }

    /// Where the server is.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.stream.get_ref().is_secure()
    }

    /// All that comes and goes is encrypted from now on.
    pub(crate) async fn secure(self, tls: &Tls) -> io::Result<Self> {
        // Whoever is in between could have put it there, as if it came encrypted.
        if !self.stream.buffer().is_empty() {
            return Err(io::Error::other("the server spoke before it was asked to encrypt"));
        }
        let stream = self.stream.into_inner().secure(tls).await?;
        Ok(Self { stream: BufReader::new(stream), peer: self.peer })
    }

    /// Sends a command, and waits for the answer.
    pub(crate) async fn command(&mut self, command: &str, argument: &str) -> io::Result<Reply> {
        // A line break would begin a command of its own.
        if argument.contains(char::is_control) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let space = if argument.is_empty() { "" } else { " " };
        self.stream.write_all(format!("{command}{space}{argument}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        self.reply().await
    }

    /// Waits for an answer.
    pub(crate) async fn reply(&mut self) -> io::Result<Reply> {
        read_reply(&mut self.stream).await
    }
}

/// An answer has one line (`220 ready`), or ends with one that has the code of the first and a space (`220-welcome`,
/// .., `220 ready`). What stands before it has no code, and is left out.
async fn read_reply(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Reply> {
    let mut begun: Option<Reply> = None;
    let mut left = MOST;
    loop {
        let mut line = Vec::new();
        let count = from.take(left as u64).read_until(b'\n', &mut line).await?;
        left -= count;
        if left == 0 {
            return Err(io::Error::other(format!("its answer is longer than {MOST} bytes")));
        }
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        let (code, goes_on) = match (code(line), line.as_bytes().get(3)) {
            (Some(code), None | Some(b' ')) => (Some(code), false),
            (Some(code), Some(b'-')) => (Some(code), true),
            _ => (None, true),
        };
        let reply = match (&mut begun, code) {
            (None, None) => continue,
            (None, Some(code)) => begun.insert(Reply { code, text: String::new() }),
            (Some(reply), _) => reply,
        };
        let is_of_it = code == Some(reply.code);
        // The code is told once.
        let is_told = is_of_it && !reply.text.is_empty();
        add(&mut reply.text, if is_told { line.get(4..).unwrap_or_default() } else { line });
        if is_of_it && !goes_on {
            return Ok(begun.take().unwrap_or(Reply { code: 0, text: String::new() }));
        }
    }
}

fn code(line: &str) -> Option<u16> {
    let digits = line.get(..3)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Adds the words of a line, as far as they are told.
fn add(text: &mut String, line: &str) {
    let words = line.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    for word in words {
        let gap = usize::from(!text.is_empty());
        let room = MOST_TOLD.saturating_sub(text.chars().count() + gap);
        if room == 0 {
            return;
        }
        if gap > 0 {
            text.push(' ');
        }
        text.extend(word.chars().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_as_servers_give_them() {
        for (said, text) in [
            ("220 ready\r\n", "220 ready"),
            ("220\r\n", "220"),
            ("220 ready\n", "220 ready"),
            ("\r\nwelcome\r\n220 ready\r\n", "220 ready"),
            ("220-Welcome\r\n    x\r\n220-line\r\n220 ready\r\n", "220-Welcome x line ready"),
            (
                "220-Welcome\r\n100 guests at most\r\n\r\n220 ready\r\n",
                "220-Welcome 100 guests at most ready",
            ),
            ("220-\u{1b}[1mWelcome\r\n220\r\n", "220- [1mWelcome"),
        ] {
            let mut from = said.as_bytes();
            let reply = read_reply(&mut from).await.unwrap();
            assert_eq!((reply.code, reply.text.as_str()), (220, text), "{said:?}");
            assert!(from.is_empty(), "{said:?}");
        }
        for said in ["", "220-welcome\r\n", "220-welcome\r\n221 bye\r\n", "hello\r\n"] {
            assert!(read_reply(&mut said.as_bytes()).await.is_err(), "{said:?}");
        }
        assert!(read_reply(&mut "x\r\n".repeat(MOST).as_bytes()).await.is_err());
        let long = format!("550 {}\r\n", "word ".repeat(1000));
        let told = read_reply(&mut long.as_bytes()).await.unwrap().text;
        assert!((490..=MOST_TOLD).contains(&told.chars().count()), "{told}");
    }
}
