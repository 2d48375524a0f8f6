//! A command that gives secrets, such as `pass show ays/{}`.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::error::SecretsError;
use crate::name::SecretName;

/// The most bytes of an answer.
const MOST: u64 = 1 << 20;

/// How long a command has: enough to ask a server, or a person at a window.
const LIMIT: Duration = Duration::from_secs(30);

/// How often it is asked whether the command has ended.
const POLL: Duration = Duration::from_millis(10);

/// What a command answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Secret(SecretString),
    /// It ended badly, as one does that has no such secret.
    Nothing {
        status: ExitStatus,
        said: String,
    },
}

/// Asks the command for a secret: `{}` in its arguments is the name. Its output without the last line's end is the
/// secret. It does not get the variables in `hidden`.
pub(crate) fn ask(
    command: &[String],
    name: &SecretName,
    hidden: impl Iterator<Item = String>,
) -> Result<Option<Answer>, SecretsError> {
    ask_within(LIMIT, command, name, hidden)
}

/// The same with its own limit of time. A command that takes longer is killed.
fn ask_within(
    limit: Duration,
    command: &[String],
    name: &SecretName,
    hidden: impl Iterator<Item = String>,
) -> Result<Option<Answer>, SecretsError> {
    let end = Instant::now() + limit;
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    let failed = |source: io::Error| SecretsError::Command { program: program.clone(), source };
    let mut run = Command::new(program);
    run.args(arguments.iter().map(|argument| argument.replace("{}", name.as_str())));
    hidden.for_each(|variable| _ = run.env_remove(variable));
    let mut child =
        run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let too_slow = || SecretsError::TooSlow { name: name.clone(), program: program.clone(), limit };
    // Both at once: it may fill the one while the other is read. Neither is waited for longer than the command may take:
    // what the command started may hold them open when it is gone.
    let (printed, said) = (read_beside(child.stdout.take()), read_beside(child.stderr.take()));
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() < end => std::thread::sleep(POLL),
            None => {
                child.kill().and_then(|()| child.wait()).map_err(failed)?;
                return Err(too_slow());
            }
        }
    };
    let left = || end.saturating_duration_since(Instant::now());
    let printed = printed.recv_timeout(left()).map_err(|_| too_slow())?.map_err(failed)?;
    let said = said.recv_timeout(left()).map_err(|_| too_slow())?.unwrap_or_default();
    if !status.success() {
        return Ok(Some(Answer::Nothing { status, said: first_line(&said) }));
    }
    let no_text = || SecretsError::NoText { name: name.clone(), program: program.clone() };
    if printed.len() as u64 > MOST {
        return Err(no_text());
    }
    let text = std::str::from_utf8(&printed).map_err(|_| no_text())?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Some(Answer::Secret(SecretString::from(text))))
}

/// Reads on a thread of its own.
fn read_beside(pipe: Option<impl Read + Send + 'static>) -> Receiver<io::Result<Zeroizing<Vec<u8>>>> {
    let (tell, told) = mpsc::channel();
    // Nobody listens any more when the command took too long.
    std::thread::spawn(move || _ = tell.send(read(pipe)));
    told
}

/// At most one byte more than a secret may have; the rest is read and dropped, so that the writer ends.
fn read(pipe: Option<impl Read>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    if let Some(mut pipe) = pipe {
        pipe.by_ref().take(MOST + 1).read_to_end(&mut bytes)?;
        io::copy(&mut pipe, &mut io::sink())?;
    }
    Ok(bytes)
}

fn first_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_does_not_end_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let script = format!("echo $$ >{}; exec sleep 100", pid.display());
        for script in [script.as_str(), "sleep 3 & exit 0"] {
            let command = ["sh", "-c", script].map(str::to_owned);
            let begun = Instant::now();
            let limit = Duration::from_millis(500);
            let answer = ask_within(limit, &command, &"one".parse().unwrap(), std::iter::empty());
            assert!(matches!(answer, Err(SecretsError::TooSlow { .. })), "{script}: {answer:?}");
            assert!(begun.elapsed() < Duration::from_secs(3), "{script}");
        }
        let pid = std::fs::read_to_string(pid).unwrap();
        assert!(!std::path::Path::new("/proc").join(pid.trim()).exists(), "it is gone");
    }
}
