//! A program whose life is bound to the helper's: when the helper dies, however it dies, the program does.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// The first argument that starts the helper as another program: `child PARENT_PID PROGRAM ARGUMENT..`.
pub const CHILD_MODE: &str = "child";

/// The exit code when the program could not be started.
const NOT_STARTED: u8 = 127;

/// A command that starts `program` through the helper itself, which binds its life to this process's before it
/// becomes the program. It must be spawned from the main thread: the kernel counts that thread as the parent.
pub(crate) fn bound(program: impl Into<OsString>) -> tokio::process::Command {
    let mut command = oneself(CHILD_MODE);
    command.arg(program.into());
    command
}

/// A command that starts this program again in another mode: `MODE PARENT_PID`.
pub(crate) fn oneself(mode: &str) -> tokio::process::Command {
    // By this name it is the running program even when its file has been replaced meanwhile.
    let mut command = tokio::process::Command::new("/proc/self/exe");
    command.arg(mode).arg(std::process::id().to_string()).kill_on_drop(true);
    command
}

/// The parent that [`oneself`] named.
pub(crate) fn parent(arguments: &mut impl Iterator<Item = OsString>) -> Option<Pid> {
    arguments.next().and_then(|argument| argument.to_str()?.parse().ok()).and_then(Pid::from_raw)
}

/// Dies with `parent` from now on; false when that is not possible, or it has died already.
pub(crate) fn die_with(parent: Pid) -> bool {
    // The parent may have died before the signal was set; then nobody would end the program.
    set_parent_process_death_signal(Some(Signal::KILL)).is_ok() && getppid() == Some(parent)
}

/// Becomes the program that the arguments name; returns only when that is not possible.
pub fn become_child(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(parent), Some(program)) = (parent(&mut arguments), arguments.next()) else {
        return ExitCode::from(2);
    };
    if !die_with(parent) {
        return ExitCode::from(NOT_STARTED);
    }
    say(&Command::new(program).args(arguments).exec());
    ExitCode::from(NOT_STARTED)
}

#[expect(clippy::print_stderr, reason = "the helper reads it as the program's own words")]
fn say(error: &std::io::Error) {
    eprintln!("{error}");
}
