//! `ays man`

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use crate::failure::Failure;
use crate::render::table;

/// Writes the manual pages
///
/// For man to find them: ays man /usr/local/share/man/man1
#[derive(clap::Args)]
pub struct Args {
    /// Where a page for ays and one for each verb are put; without it the page for ays is printed
    dir: Option<PathBuf>,
}

/// Writes the pages of `ays`, the program as clap knows it.
pub fn run(args: Args, ays: Command) -> Result<(), Failure> {
    match args.dir {
        Some(path) => {
            let written = std::fs::create_dir_all(&path).and_then(|()| clap_mangen::generate_to(ays, &path));
            written.map_err(|source| Failure::Unwritable { path, source })
        }
        None => {
            let mut page = Vec::new();
            Man::new(ays).render(&mut page).map_err(Failure::Output)?;
            table::raw(&page)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use clap::CommandFactory;

    use super::*;

    /// All verbs, verbs of verbs included, with the words that call them.
    fn verbs(command: &Command, name: &str) -> Vec<(String, Command)> {
        let below =
            command.get_subcommands().flat_map(|verb| verbs(verb, &format!("{name}-{}", verb.get_name())));
        below.chain([(name.to_owned(), command.clone())]).collect()
    }

    #[test]
    fn every_verb_and_every_option_says_what_it_is() {
        crate::Cli::command().debug_assert();
        for (name, verb) in verbs(&crate::Cli::command(), "ays") {
            assert!(verb.get_about().is_some(), "{name} has no help");
            for option in verb.get_arguments() {
                assert!(option.get_help().is_some(), "{name}: {} has no help", option.get_id());
            }
        }
    }

    #[test]
    fn every_verb_has_a_page_that_groff_takes() {
        let dir = tempfile::tempdir().unwrap();
        run(Args { dir: Some(dir.path().join("man1")) }, crate::Cli::command()).unwrap();
        for (name, _) in verbs(&crate::Cli::command(), "ays") {
            let page = dir.path().join("man1").join(format!("{name}.1"));
            assert!(page.is_file(), "{name} has no page");
            let Ok(groff) = Process::new("groff").args(["-man", "-ww", "-Tutf8", "-z"]).arg(&page).output()
            else {
                continue;
            };
            assert_eq!(String::from_utf8_lossy(&groff.stderr), "", "{name}");
        }
    }
}
