//! The supervisor: a process of ours that watches over a process of a service. It outlives the helper that started it,
//! and the connection. What fails is started again, after a while that grows.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::PipeWriter;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ays_protocol::Failure;
use rustix::io::Errno;
use rustix::process::{WaitOptions, WaitStatus, set_child_subreaper, setsid, wait};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use super::family::Leader;
use super::supervised::{Said, Spec, file, mark};
use super::user::User;
use super::{LOOK_EVERY, family, log};
use crate::locked::open_locked;

/// The first argument that starts the helper as a supervisor: `supervise DIRECTORY NAME`.
pub const SUPERVISE_MODE: &str = "supervise";

/// The pause before the first new try; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What ran this long has not failed because of how it was started.
const LONG: Duration = Duration::from_secs(60);

/// How long those who only look may have the lock.
const LOOKED_AT: Duration = Duration::from_secs(1);

/// The directories of programs that a service finds.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Watches over a process until that ends well, or it is asked to end it.
pub fn become_supervisor(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(dir), Some(Ok(name))) =
        (arguments.next().map(PathBuf::from), arguments.next().map(OsString::into_string))
    else {
        return ExitCode::from(2);
    };
    // Neither the end of the helper's session nor that of the connection concerns it.
    let _ = setsid();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(supervise(&dir, &name))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

struct Supervisor<'a> {
    dir: &'a Path,
    name: &'a str,
    spec: Spec,
    log: PipeWriter,
    said: Said,
    terminate: Signal,
    child: Signal,
}

async fn supervise(dir: &Path, name: &str) -> std::io::Result<()> {
    let _lock = lock(&file(dir, name, "lock")).await?;
    let spec = serde_json::from_slice(&fs::read(file(dir, name, "spec"))?)?;
    // What a daemon starts and leaves behind becomes a child of this process.
    set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut supervisor = Supervisor {
        dir,
        name,
        spec,
        log: log::begin(file(dir, name, "log"))?,
        said: Said { supervisor: Leader::this(), ..Said::default() },
        terminate: signal(SignalKind::terminate())?,
        child: signal(SignalKind::child())?,
    };
    let _hang_up = signal(SignalKind::hangup())?;
    let _interrupt = signal(SignalKind::interrupt())?;
    supervisor.watch().await
}

/// Takes the lock that says that a supervisor lives; while another one has it that is at it.
async fn lock(path: &Path) -> std::io::Result<File> {
    let begun = Instant::now();
    loop {
        match open_locked(path) {
            // Whoever only looks has it for a moment.
            Err(Failure::Busy { .. }) if begun.elapsed() < LOOKED_AT => sleep(LOOK_EVERY).await,
            locked => return locked.map_err(|failure| std::io::Error::other(failure.to_string())),
        }
    }
}

impl Supervisor<'_> {
    async fn watch(&mut self) -> std::io::Result<()> {
        let mut pause = FIRST_PAUSE;
        loop {
            let begun = Instant::now();
            match self.spawn() {
                Ok(pid) => {
                    self.said.pid = Some(pid);
                    self.say()?;
                    let (status, is_wanted) = self.until_gone(pid).await;
                    self.said.last = status.map(ended);
                    if is_wanted || status.is_some_and(|status| status.exit_status() == Some(0)) {
                        return self.end();
                    }
                }
                Err(error) => self.said.last = Some(format!("cannot be started: {error}")),
            }
            self.said.pid = None;
            self.said.restarts += 1;
            self.say()?;
            if begun.elapsed() > LONG {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.terminate.recv() => return self.end(),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Nothing of it is left, so that nothing is to be found by this process's number.
    fn end(&mut self) -> std::io::Result<()> {
        (self.said.pid, self.said.supervisor) = (None, None);
        self.say()
    }

    fn spawn(&self) -> std::io::Result<u32> {
        let User { name, uid, gid, home } = &self.spec.user;
        let mut command = Command::new("/bin/sh");
        command.arg(file(self.dir, self.name, "sh")).current_dir("/").env_clear();
        command.env("PATH", PATH).env("HOME", home).env("USER", name).env("LOGNAME", name);
        command.env("SHELL", "/bin/sh").env("LANG", "C.UTF-8").env(family::MARK, mark(self.dir, self.name));
        command.stdin(Stdio::null()).stdout(self.log.try_clone()?).stderr(self.log.try_clone()?);
        if *uid != rustix::process::geteuid().as_raw() {
            command.uid(*uid).gid(*gid);
        }
        command.spawn().map(|child| child.id())
    }

    /// Waits until nothing of it is left: how the last of it ended, and whether somebody wanted that.
    async fn until_gone(&mut self, first: u32) -> (Option<WaitStatus>, bool) {
        let (mut last, mut is_wanted) = (None, false);
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    last = Some(status);
                    if pid.as_raw_nonzero().get().cast_unsigned() == first {
                        // A daemon goes on under another number.
                        self.said.pid = self.family().first().copied();
                        let _ = self.say();
                    }
                    continue;
                }
                Err(Errno::CHILD) => return (last, is_wanted),
                // It goes on, or a signal came between.
                Ok(None) | Err(_) => {}
            }
            tokio::select! {
                _ = self.child.recv() => {}
                _ = self.terminate.recv() => {
                    is_wanted = true;
                    family::terminate(&self.family());
                }
            }
        }
    }

    fn family(&self) -> Vec<u32> {
        family::of(self.said.supervisor.as_ref(), &mark(self.dir, self.name))
    }

    /// Writes down how it is.
    fn say(&self) -> std::io::Result<()> {
        let path = file(self.dir, self.name, "state");
        let part = crate::file_name::part_of(&path);
        fs::write(&part, serde_json::to_vec(&self.said)?)?;
        fs::rename(part, path)
    }
}

fn ended(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("ended with the exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
