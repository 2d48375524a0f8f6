//! The operator's own git, for the steps that libgit2 does not do as git does.
//!
//! It runs what the operator has set up (hooks, filters, programs that sign); nothing that came with the files is run.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::needs::Need;

/// Why git did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum UserGitError {
    /// There is none.
    #[error("{root}: {need} needs git, which is not installed here", root = .root.display())]
    Missing {
        /// The repository.
        root: PathBuf,
        /// What it is needed for.
        need: Need,
    },
    /// It cannot be run.
    #[error("git cannot be run")]
    Unusable(#[source] std::io::Error),
    /// It ended with an error.
    #[error("git {verb} failed{}", indented(.said))]
    Failed {
        /// What was asked of it.
        verb: String,
        /// What it said, or a hook or filter did.
        said: String,
    },
    /// It was stopped.
    #[error("interrupted")]
    Interrupted,
}

/// The repository's variables of whoever started us, such as a hook, would lead git to another repository.
const OTHER_REPOSITORY: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
];

/// How often a running git is looked at, whether it shall end.
const TICK: Duration = Duration::from_millis(50);

/// git, in one repository.
pub(crate) struct UserGit<'a> {
    pub root: &'a Path,
    pub need: Need,
    pub stop: &'a AtomicBool,
}

impl UserGit<'_> {
    /// Runs a verb of git; gives what it printed.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, UserGitError> {
        self.run_with(arguments, input, &[])
    }

    /// Runs a verb of git with more variables.
    pub fn run_with(
        &self,
        arguments: &[&str],
        input: &[u8],
        variables: &[(&str, &str)],
    ) -> Result<Vec<u8>, UserGitError> {
        let mut command = Command::new("git");
        command.current_dir(self.root).arg("--literal-pathspecs").args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in OTHER_REPOSITORY {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        let child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                UserGitError::Missing { root: self.root.to_owned(), need: self.need.clone() }
            }
            _ => UserGitError::Unusable(error),
        })?;
        let verb = arguments.first().copied().unwrap_or_default();
        self.finish(child, verb, input)
    }

    /// Gives it its input, and waits for its end.
    fn finish(&self, mut child: Child, verb: &str, input: &[u8]) -> Result<Vec<u8>, UserGitError> {
        let (stdin, input) = (child.stdin.take(), input.to_vec());
        std::thread::spawn(move || {
            // A verb that needs no more of its input ends before all is written.
            let _ = stdin.map(|mut stdin| stdin.write_all(&input));
        });
        let output = read(child.stdout.take());
        let said = read(child.stderr.take());
        let said = loop {
            match said.recv_timeout(TICK) {
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Relaxed) => {
                    // git removes its locks then; a hook of it may go on, and is not waited for.
                    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
                    child.wait().map_err(UserGitError::Unusable)?;
                    return Err(UserGitError::Interrupted);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(said) => break said,
                Err(RecvTimeoutError::Disconnected) => break Vec::new(),
            }
        };
        let output = output.recv().unwrap_or_default();
        let status = child.wait().map_err(UserGitError::Unusable)?;
        if !status.success() {
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            return Err(UserGitError::Failed { verb: verb.to_owned(), said });
        }
        Ok(output)
    }
}

/// Paths as git takes them with `-z`.
pub(crate) fn zero_separated(paths: &[PathBuf]) -> Vec<u8> {
    paths.iter().flat_map(|path| [path.as_os_str().as_encoded_bytes(), b"\0"].concat()).collect()
}

/// Reads a pipe to its end.
fn read(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until a pipe broke is all there is.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        // Nobody listens when it was stopped.
        let _ = sender.send(bytes);
    });
    receiver
}

fn indented(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(":\n  {}", said.replace('\n', "\n  ")) }
}
