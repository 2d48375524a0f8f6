//! What went wrong, its exit code, and what to do about it: printed once, here.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use ays_catalogue::CatalogueError;
use ays_engine::InstallError;
use ays_grammar::Diagnostic;
use ays_recipes::{DataError, EnvironmentError, LookupError, NodeError, RecipeError};

use crate::render::printable;

/// Everything that ends `ays` other than well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the program could not start")]
    Runtime(#[source] std::io::Error),
    #[error("this user has no home directory: set HOME")]
    NoHome,
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error("domain `{asked}` is not here: this environment is `{here}`")]
    Domain { asked: String, here: String },
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("target type `{0}` has no node of its own: name one with --targetname")]
    NoTargetName(String),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error(transparent)]
    Text(#[from] Diagnostic),
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("no image is named `{0}`: `ays image list` shows all")]
    UnknownImage(String),
    #[error("no source and no stored file has a checksum that begins with `{0}`")]
    UnknownChecksum(String),
    #[error("{template} on {node} was not installed")]
    Install { template: String, node: String, source: Box<InstallError> },
    #[error("standard output cannot be written")]
    Output(#[source] std::io::Error),
}

impl Failure {
    /// As the help text lists them.
    fn code(&self) -> u8 {
        match self {
            Self::Domain { .. } | Self::Lookup(_) | Self::NoTargetName(_) | Self::Data(_) => 2,
            Self::Environment(EnvironmentError::Settings(_)) => 3,
            Self::Environment(_) | Self::Node(NodeError::Lookup(_)) => 2,
            Self::UnknownImage(_) | Self::UnknownChecksum(_) | Self::Unreadable { .. } | Self::NoHome => 2,
            Self::Node(_) | Self::Recipe(_) | Self::Text(_) => 3,
            Self::Install { source, .. } => match **source {
                InstallError::Recipe(_) => 3,
                InstallError::Interrupted => 130,
                _ => 1,
            },
            Self::Catalogue(CatalogueError::AmbiguousImage { .. }) => 2,
            Self::Catalogue(_) | Self::Runtime(_) | Self::Output(_) => 1,
        }
    }

    /// Prints the error with its causes and gives the exit code.
    pub fn report(&self) -> ExitCode {
        // A reader that went away (`ays list | head`) is not worth a word.
        if !matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe) {
            let (red, plain) =
                if std::io::stderr().is_terminal() { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
            let mut text = self.to_string();
            let mut said = self.to_string();
            let mut cause = self.source();
            while let Some(error) = cause {
                // Some errors show their cause in their own text.
                let words = error.to_string();
                if !said.contains(&words) {
                    text.push_str(&format!("\n  because: {}", words.replace('\n', "\n  ")));
                    said = words;
                }
                cause = error.source();
            }
            write_stderr(&format!("{red}error{plain}: {}", printable(&text)));
        }
        ExitCode::from(self.code())
    }
}

/// Writes a line to standard error.
pub fn eprint_line(text: &str) {
    write_stderr(&printable(text));
}

/// A reader that went away does not end an install.
fn write_stderr(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
