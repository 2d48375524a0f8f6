//! `ays` on a terminal, with somebody who types.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use nix::pty::{Winsize, openpty};

/// No question is waited for longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A run whose standard streams are a terminal.
pub struct Terminal {
    master: File,
    shown: Receiver<Vec<u8>>,
    /// The beginning of a sequence whose end has not come.
    held: Vec<u8>,
    /// What is on it that was not waited for yet, without what moves the cursor.
    text: String,
    /// All that was on it.
    all: String,
    child: Child,
}

impl Terminal {
    /// Starts a command on a terminal of its own: also what it starts, such as ssh, asks there.
    pub fn start(command: Command) -> Self {
        let mut session = super::lab::mortal("setsid");
        session.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args()).env_clear();
        session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        session.current_dir(command.get_current_dir().unwrap());
        let size = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        session.stdin(slave()).stdout(slave()).stderr(slave()).env("TERM", "xterm");
        let child = session.spawn().unwrap();
        drop((session, pty.slave));
        let master = File::from(pty.master);
        let mut reader = master.try_clone().unwrap();
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // An error is the end: nobody has the other side open any more.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { master, shown, held: Vec::new(), text: String::new(), all: String::new(), child }
    }

    /// Waits until a text is on it that was not there when it was last waited for.
    pub fn expect(&mut self, text: &str) {
        let since = Instant::now();
        loop {
            if let Some(at) = self.text.find(text) {
                self.text.drain(..at + text.len());
                return;
            }
            let left = LIMIT.saturating_sub(since.elapsed());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("{text:?} is not on the terminal:\n{}", self.all),
            }
        }
    }

    /// Types a text and Return.
    pub fn enter(&mut self, text: &str) {
        self.master.write_all(format!("{text}\r").as_bytes()).unwrap();
    }

    /// Waits for the end; the exit code and all that was on the terminal.
    pub fn end(mut self) -> (Option<i32>, String) {
        while let Ok(bytes) = self.shown.recv_timeout(LIMIT) {
            self.take(&bytes);
        }
        (self.child.wait().unwrap().code(), self.all.clone())
    }

    fn take(&mut self, bytes: &[u8]) {
        self.held.extend(bytes);
        let whole: Vec<_> = self.held.drain(..whole(&self.held)).collect();
        let shown = without_escapes(&String::from_utf8_lossy(&whole));
        self.text.push_str(&shown);
        self.all.push_str(&shown);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many bytes there are before a sequence that has no end yet.
fn whole(bytes: &[u8]) -> usize {
    let Some(at) = bytes.iter().rposition(|byte| *byte == 0x1b) else { return bytes.len() };
    let has_end = bytes[at + 1..].iter().any(u8::is_ascii_alphabetic);
    if has_end { bytes.len() } else { at }
}

/// A text without the sequences that move the cursor or clear parts of the screen.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        plain.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).map_or(sequence.len(), |end| end + 1);
        rest = &sequence[end..];
    }
    plain.push_str(rest);
    plain
}
