//! A server that somebody else wrote: started, awaited by what it prints, ended with all that it started.

use std::{
    io::{BufRead, BufReader, Lines, PipeReader},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
};

/// A server that runs until it is stopped or dropped.
pub struct Service {
    child: Child,
    output: Option<JoinHandle<()>>,
}

/// A server that may not be ready yet.
pub struct Starting {
    child: Child,
    lines: Lines<BufReader<PipeReader>>,
}

impl Service {
    /// Starts it, and returns when it prints a line that contains `ready`.
    pub fn start(command: Command, ready: &str) -> Self {
        Self::begin(command).wait_for(ready)
    }

    /// Starts it, and lets it become ready while the test starts others.
    pub fn begin(mut command: Command) -> Starting {
        let (reader, writer) = std::io::pipe().unwrap();
        command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // With the command its ends of the pipe are closed: only the server can write there now.
        drop(command);
        Starting { child, lines: BufReader::new(reader).lines() }
    }

    /// Kills it, as a machine that loses its power does; returns when all that it started is gone too.
    pub fn stop(self) {
        drop(self);
    }
}

impl Starting {
    /// Returns when it prints a line that contains `ready`.
    pub fn wait_for(mut self, ready: &str) -> Service {
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains(ready)) {
            let line = self.lines.next().and_then(Result::ok);
            said.push(line.unwrap_or_else(|| panic!("a server did not start: {}", said.join("\n"))));
        }
        let lines = self.lines;
        // It prints more than the pipe holds.
        let output = thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Service { child: self.child, output: Some(output) }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The output ends with the last process that could write there.
        let _ = self.output.take().map(JoinHandle::join);
    }
}
