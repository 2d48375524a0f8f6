//! A run on a terminal: what it shows is read, and answers are typed.

use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

/// Nothing is waited for longer.
const LIMIT: Duration = Duration::from_secs(60);

/// A program on a terminal of its own, which is what `script` gives it.
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// Up to where it was waited for.
    read: usize,
}

impl Terminal {
    /// Starts a command, whose words have no quotes.
    pub(super) fn start(command: Command) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let mut script = super::lab::mortal("script");
        script.args(["-qfec", &words.join(" "), "/dev/null"]).env_clear();
        script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        script.current_dir(command.get_current_dir().unwrap()).env("SHELL", "/bin/sh");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script");
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (shown, screen) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 1024];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                // The test may have given up.
                let _ = shown.send(piece[..count].to_vec());
            }
        });
        Self { child, keyboard, screen, seen: Vec::new(), read: 0 }
    }

    /// Waits for a question, and types the answer.
    pub fn answer(&mut self, question: &str, answer: &str) {
        let since = Instant::now();
        loop {
            let text = String::from_utf8_lossy(&self.seen[self.read..]).into_owned();
            if text.contains(question) {
                break;
            }
            match self.screen.recv_timeout(LIMIT.saturating_sub(since.elapsed())) {
                Ok(piece) => self.seen.extend(piece),
                Err(_) => panic!("no `{question}`: {text}"),
            }
        }
        self.read = self.seen.len();
        self.keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    /// Waits for its end: its exit code, and all that it showed.
    pub fn wait(mut self) -> (Option<i32>, String) {
        while let Ok(piece) = self.screen.recv_timeout(LIMIT) {
            self.seen.extend(piece);
        }
        let _ = self.child.kill();
        let code = self.child.wait().unwrap().code();
        (code, String::from_utf8_lossy(&self.seen).replace('\r', ""))
    }
}
