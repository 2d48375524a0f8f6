//! `ays completions`

use clap::{Command, ValueEnum};
use clap_complete::{generate, shells};

use crate::failure::Failure;
use crate::render::table;

/// Prints what makes a shell complete the verbs and options of ays
///
/// For bash: ays completions bash >/etc/bash_completion.d/ays
///
/// For zsh: ays completions zsh >/usr/local/share/zsh/site-functions/_ays
///
/// For fish: ays completions fish >/etc/fish/completions/ays.fish
#[derive(clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the completions of `ays`, the program as clap knows it.
pub fn run(args: &Args, ays: &Command) -> Result<(), Failure> {
    table::raw(&script(args.shell, ays))
}

fn script(shell: Shell, ays: &Command) -> Vec<u8> {
    let (mut shown, mut script) = (without_hidden(ays), Vec::new());
    match shell {
        Shell::Bash => generate(shells::Bash, &mut shown, "ays", &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut shown, "ays", &mut script),
        Shell::Fish => generate(shells::Fish, &mut shown, "ays", &mut script),
    }
    script
}

/// The generators offer hidden verbs as well.
fn without_hidden(ays: &Command) -> Command {
    Command::new("ays")
        .version(env!("CARGO_PKG_VERSION"))
        .args(ays.get_arguments())
        .subcommands(ays.get_subcommands().filter(|verb| !verb.is_hide_set()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command as Process, Stdio};

    use clap::CommandFactory;

    use super::*;

    fn text(shell: Shell, ays: &Command) -> String {
        String::from_utf8(script(shell, ays)).unwrap()
    }

    #[test]
    fn every_shell_completes_every_verb_and_no_hidden_one() {
        let ays = crate::Cli::command();
        let ays = ays.subcommand(Command::new("internal-helper").hide(true));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = text(shell, &ays);
            for verb in crate::Cli::command().get_subcommands() {
                assert!(script.contains(verb.get_name()), "{}", verb.get_name());
            }
            assert!(!script.contains("internal-helper"));
        }
    }

    #[test]
    fn bash_takes_its_completions_and_completes_with_them() {
        let mut script = text(Shell::Bash, &crate::Cli::command());
        script.push_str("\nCOMP_WORDS=(ays con); COMP_CWORD=1; _ays ays con ays; echo \"${COMPREPLY[@]}\"\n");
        script.push_str(
            "COMP_WORDS=(ays image sh); COMP_CWORD=2; _ays ays sh image; echo \"${COMPREPLY[@]}\"\n",
        );
        let mut bash = Process::new("bash");
        bash.args(["--norc", "-u"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut bash = bash.spawn().unwrap();
        bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = bash.wait_with_output().unwrap();
        let words = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(
            (words(output.stdout), words(output.stderr)),
            ("configure consume console config\nshow\n".to_owned(), String::new())
        );
    }
}
