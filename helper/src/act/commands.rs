//! Commands of a recipe.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use ays_model::{Command, Execute, NodeAnswer};
use ays_protocol::{Failure, MOST_BYTES};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use crate::child::bound;
use crate::processes::User;
use crate::program;

/// The exit code of a command that took too long, as JumpScale has it.
const TOOK_TOO_LONG: i32 = 999;
/// The exit code of a command that a signal ended is this and the signal's number, as shells have it.
const SIGNALLED: i32 = 128;
/// How long output is waited for when the command has ended.
const GRACE: Duration = Duration::from_millis(500);
/// What stands for what was left out.
const LEFT_OUT: &[u8] = b"\n[..]\n";

/// Runs a command to its end. Dropped, it and what it started are ended.
pub(super) async fn execute(execute: Execute) -> Result<NodeAnswer, Failure> {
    let failed = |reason: String| Failure::Tool { tool: execute.command.to_string(), reason };
    let missing = |name: &str| failed(format!("the node has no program `{name}`"));
    let words = match &execute.command {
        Command::Shell(text) => vec!["bash".to_owned(), "-c".to_owned(), text.clone()],
        Command::Arguments(words) => words.clone(),
    };
    let Some((first, arguments)) = words.split_first() else {
        return Err(failed("it has no words".to_owned()));
    };
    let found = if first.contains('/') { Some(first.into()) } else { program::find(first) };
    let program = found.ok_or_else(|| missing(first))?;

    let own = User::of(first, None)?;
    let user = execute.user.as_deref().filter(|name| *name != own.name);
    let user = user.map(|name| User::of(first, Some(name))).transpose()?;
    let mut words: Vec<OsString> = Vec::new();
    match &user {
        None => {}
        Some(_) if own.uid != 0 => {
            return Err(failed(format!(
                "only root may run commands as another user, and this is {}",
                own.name
            )));
        }
        Some(user) => {
            let runuser = program::find("runuser").ok_or_else(|| missing("runuser"))?;
            words.extend([runuser.into(), "-u".into(), user.name.clone().into(), "--".into()]);
        }
    }
    words.push(program.into());
    words.extend(arguments.iter().map(OsString::from));
    let mut command = if execute.background {
        // Nobody waits for it, and it outlives the helper.
        let mut command =
            tokio::process::Command::new(program::find("setsid").ok_or_else(|| missing("setsid"))?);
        command.arg("--fork").args(words);
        command
    } else {
        let mut command = bound(words.remove(0));
        command.args(words).process_group(0);
        command
    };
    let User { name, home, .. } = user.unwrap_or(own);
    command.env("HOME", &home).env("USER", &name).env("LOGNAME", &name);
    command.envs(execute.env.iter().map(|(name, value)| (name, value)));
    command.current_dir(execute.cwd.as_deref().unwrap_or("/")).stdin(Stdio::null());
    let output = || if execute.background { Stdio::null() } else { Stdio::piped() };
    command.stdout(output()).stderr(output());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let group = Group::of(&child);
    let (mut stdout, mut stderr) = (Words::default(), Words::default());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let running = async {
        let mut hearing = Box::pin(async { tokio::join!(stdout.hear(out), stderr.hear(err)) });
        tokio::select! {
            ended = child.wait() => {
                // What it has left running may keep its output open for ever.
                let _ = timeout(GRACE, &mut hearing).await;
                ended
            }
            _ = &mut hearing => child.wait().await,
        }
    };
    let Ok(ended) = timeout(execute.timeout.unwrap_or(Duration::MAX), running).await else {
        return Ok(NodeAnswer::Ran { code: TOOK_TOO_LONG, stdout: stdout.all(), stderr: stderr.all() });
    };
    let status = ended.map_err(|error| failed(error.to_string()))?;
    group.has_ended();
    let code = status.code().or(status.signal().map(|signal| SIGNALLED + signal)).unwrap_or(TOOK_TOO_LONG);
    Ok(NodeAnswer::Ran { code, stdout: stdout.all(), stderr: stderr.all() })
}

/// What a command says; of more than fits into an answer, the beginning and the end.
#[derive(Default)]
struct Words {
    first: Vec<u8>,
    last: Vec<u8>,
    is_cut: bool,
}

impl Words {
    /// Takes all that is written to a pipe.
    async fn hear(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 64 << 10];
        // What cannot be read has ended.
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            let room = (MOST_BYTES / 2).saturating_sub(self.first.len());
            let (first, last) = buffer[..count].split_at(count.min(room));
            self.first.extend_from_slice(first);
            self.last.extend_from_slice(last);
            if self.last.len() > MOST_BYTES {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        let over = self.last.len().saturating_sub(MOST_BYTES / 2);
        self.last.drain(..over);
        self.is_cut |= over > 0;
    }

    fn all(mut self) -> Vec<u8> {
        self.cut();
        if self.is_cut {
            self.first.extend_from_slice(LEFT_OUT);
        }
        self.first.extend_from_slice(&self.last);
        self.first
    }
}

/// A command and all that it starts; dropped before it has ended, they are ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        Self(child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw))
    }

    /// Its number may be another one's from now on.
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // All of it may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
