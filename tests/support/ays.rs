//! The binary itself, run in a home of its own.

use std::{
    fs::{self, File},
    io::{Seek, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use super::{
    environment::Environment,
    lab::{Lab, mortal},
    node::Node,
    schema,
    terminal::Terminal,
};

/// No run of these tests may take longer.
const LIMIT: Duration = Duration::from_secs(120);

/// An operator's account on the controller: a home, and an environment to work in.
#[derive(Clone)]
pub struct Ays {
    home: PathBuf,
    state: PathBuf,
    temporary: PathBuf,
    repo: PathBuf,
    variables: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Ays {
    /// An operator whose ssh configuration has the lab's key and knows the host keys of `nodes`.
    pub fn new(lab: &Lab, environment: &Environment, nodes: &[&Node]) -> Self {
        let home = lab.dir().join("home");
        fs::create_dir_all(home.join(".ssh")).unwrap();
        let known = home.join(".ssh/known_hosts");
        let configuration = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\n",
            lab.key().display(),
            known.display()
        );
        fs::write(home.join(".ssh/config"), configuration).unwrap();
        let lines: String =
            nodes.iter().map(|node| format!("{} {}\n", node.address, node.host_key())).collect();
        fs::write(known, lines).unwrap();
        let temporary = lab.dir().join("tmp");
        fs::create_dir_all(&temporary).unwrap();
        Self {
            home,
            temporary,
            state: lab.dir().join("state"),
            repo: environment.repo().to_owned(),
            variables: Vec::new(),
        }
    }

    /// Another operator, with a catalogue of its own, as on another machine.
    pub fn another(&self, lab: &Lab, name: &str) -> Self {
        let (home, state) = (lab.dir().join(format!("home-{name}")), lab.dir().join(format!("state-{name}")));
        super::lab::output(Command::new("cp").arg("-a").arg(&self.home).arg(&home));
        Self {
            home,
            state,
            temporary: self.temporary.clone(),
            repo: self.repo.clone(),
            variables: vec![("USER".to_owned(), name.to_owned())],
        }
    }

    /// Its home directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Its `AYS_HOME`.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Its `TMPDIR`.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Sets an environment variable for all runs from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Runs from now on where no environment is.
    pub fn leave_repository(&mut self) {
        self.repo.clone_from(&self.temporary);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mortal(env!("CARGO_BIN_EXE_ays"));
        command
            .args(arguments)
            .current_dir(&self.repo)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", &self.home)
            .env("AYS_HOME", &self.state)
            .env("TMPDIR", &self.temporary)
            // No connection outlives a test that does not ask for it.
            .env("AYS_SSH_KEEP", "0s")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts it, and returns while it runs.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        Self::start(self.command(arguments), arguments)
    }

    /// Runs it to its end, with this on its standard input.
    pub fn feed(&self, arguments: &[&str], input: &str) -> Output {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input.as_bytes()).and_then(|()| file.rewind()).unwrap();
        let mut command = self.command(arguments);
        command.stdin(file);
        Self::start(command, arguments).wait()
    }

    /// Starts it on a terminal.
    pub fn on_terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(self.command(arguments))
    }

    fn start(mut command: Command, arguments: &[&str]) -> Running {
        // Files and not pipes: a process that outlives a killed `ays` would hold a pipe open.
        let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
        let mut child = command.spawn().expect("ays");
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let (ending, ended) = mpsc::channel();
        thread::spawn(move || ending.send(child.wait().unwrap().code()));
        Running {
            pid,
            stdout,
            stderr,
            ended,
            code: None,
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.spawn(arguments).wait()
    }

    /// Runs it to its end, which must be a good one, and gives what it printed.
    pub fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.code, Some(0), "ays {arguments:?}: {output:#?}");
        output.stdout
    }

    /// Installs a recipe on a node; it must succeed. Gives what it printed.
    pub fn install(&self, name: &str, node: &Node) -> String {
        self.succeeds(&["install", "-n", name, "--targettype", "node.ssh", "--targetname", &node.name])
    }

    /// Runs it with `--json`, and gives the one value that it printed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.succeeds(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("ays {arguments:?}: {error}: {text}"))
    }
}

/// A run that may not have ended yet.
pub struct Running {
    pid: Pid,
    stdout: File,
    stderr: File,
    ended: Receiver<Option<i32>>,
    code: Option<Option<i32>>,
    arguments: Vec<String>,
}

impl Running {
    /// Sends it a signal; one that has ended does not mind.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid, signal);
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.wait_for_end(Duration::ZERO)
    }

    /// Waits for its end, at most this long; whether it has ended.
    pub fn wait_for_end(&mut self, limit: Duration) -> bool {
        if self.code.is_none() {
            self.code = self.ended.recv_timeout(limit).ok();
        }
        self.code.is_some()
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        text(&self.stdout)
    }

    /// What it has said on standard error so far.
    pub fn said(&self) -> String {
        text(&self.stderr)
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Output {
        self.wait_for_end(LIMIT);
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        let Some(code) = self.code else {
            let _ = kill(self.pid, Signal::SIGKILL);
            panic!("ays {} did not end within {LIMIT:?}:\n{stdout}{stderr}", self.arguments.join(" "));
        };
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        schema::validate(&arguments, &stdout);
        Output { code, stdout, stderr }
    }
}

/// All that a file holds, wherever its writer stands in it.
fn text(file: &File) -> String {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    String::from_utf8(bytes).expect("text")
}
