//! What is sent to a node: one text, which sshd hands to the login shell, whichever that is.

use std::fmt::Write;

/// A command that runs `script`, which is for a POSIX shell, with `arguments`.
///
/// Shells agree on single quotes only around plain characters: csh looks for `!` there and for the end of the line, fish
/// for backslashes. So what is between them is plain, and the shell that is meant puts the rest back.
pub(crate) fn command(script: &str, arguments: &[&str]) -> String {
    let mut text = "set --".to_owned();
    for argument in arguments {
        text.push_str(&format!(" '{}'", argument.replace('\'', r"'\''")));
    }
    text.push('\n');
    text.push_str(script);
    let mut word = String::with_capacity(2 * text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'!' | b'\\') {
            word.push(byte.into());
        } else {
            // A string takes all that is written to it.
            let _ = write!(word, "\\0{byte:03o}");
        }
    }
    format!(r#"exec sh -c 'eval "$(printf %b "$1")"' ays '{word}'"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_login_shell_passes_it_on_unchanged() {
        let script = "if ! false; then printf '%s|' \"$@\" 'it''s' \"a\\\\b\"; fi\n# a comment\nexit 3\n";
        let arguments = ["", "it's", "two\nlines!", "!! !$ \\", "%s `x` $HOME {a,b} * ~ ^a^b", "\u{e9}\t"];
        let said = format!("{}|its|a\\b|", arguments.join("|"));
        for shell in ["sh", "bash", "dash", "busybox", "tcsh", "fish", "bsd-csh", "mksh", "zsh"] {
            let mut login = std::process::Command::new(shell);
            if shell == "busybox" {
                login.arg("sh");
            }
            let output = match login.args(["-c", &command(script, &arguments)]).output() {
                Ok(output) => output,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => panic!("{shell}: {error}"),
            };
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell}");
            assert_eq!(String::from_utf8_lossy(&output.stdout), said, "{shell}");
            assert_eq!(output.status.code(), Some(3), "{shell}");
        }
    }
}
