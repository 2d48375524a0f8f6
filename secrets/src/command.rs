//! A command that gives secrets, such as `pass show ays/{}`.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::error::SecretsError;
use crate::name::SecretName;

/// The most bytes of an answer.
const MOST: u64 = 1 << 20;

/// What a command answered.
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
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    let failed = |source: io::Error| SecretsError::Command { program: program.clone(), source };
    let mut run = Command::new(program);
    run.args(arguments.iter().map(|argument| argument.replace("{}", name.as_str())));
    hidden.for_each(|variable| _ = run.env_remove(variable));
    let mut child =
        run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Both at once: it may fill the one while the other is read.
    let listener = std::thread::spawn(move || read(stderr).unwrap_or_default());
    let printed = read(stdout).map_err(failed)?;
    let said = listener.join().unwrap_or_default();
    let status = child.wait().map_err(failed)?;
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
