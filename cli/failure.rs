//! What went wrong, its exit code, and what to do about it: printed once, here.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use ays_catalogue::CatalogueError;
use ays_engine::{InspectError, InstallError, OutdatedError, RehearseError, SurveyError};
use ays_grammar::Diagnostic;
use ays_model::SecretUrl;
use ays_recipes::{
    AnswerError, DataError, EnvironmentError, LookupError, NewImageError, NewNodeError, NodeError,
    RecipeError, SettingsError,
};
use ays_repository::{AddressError, BranchError, CloneError, InitError, PullError, RemoteError, SaveError};
use ays_secrets::SecretsError;
use ays_transport::{HelperError, InstallKeyError, PublicKeyError};

use crate::render::counts::{Counts, copies};
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
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("domain `{asked}` is not here: this environment is `{here}`")]
    Domain { asked: String, here: String },
    #[error(transparent)]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    NewNode(#[from] NewNodeError),
    #[error("{node} was not added: {}\n  cure: {cure}", with_causes(.source))]
    NotAdded { node: String, cure: &'static str, source: Box<InstallKeyError> },
    #[error("there is no public key: name a file, or make a pair of keys with ssh-keygen")]
    NoPublicKey,
    #[error("{from}")]
    PublicKey { from: String, source: PublicKeyError },
    #[error("{unfit} of {of} nodes cannot be installed on")]
    Unfit { unfit: usize, of: usize },
    #[error("target type `{0}` has no node of its own: name one with --targetname")]
    NoTargetName(String),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error("`{key}` has no answer that can be taken")]
    Unanswered {
        key: String,
        #[source]
        problem: AnswerError,
    },
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error("an empty text is no secret")]
    EmptySecret,
    #[error("a secret has at most 1 MiB")]
    LongSecret,
    #[error("standard input cannot be read as UTF-8 text")]
    Input(#[source] std::io::Error),
    #[error(transparent)]
    Text(#[from] Diagnostic),
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} cannot be written", path = .path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("no image is named `{0}`: `ays image list` shows all")]
    UnknownImage(String),
    #[error("no source and no stored file has a checksum that begins with `{0}`")]
    UnknownChecksum(String),
    #[error("{template} on {node} was not installed")]
    Install { template: String, node: String, source: Box<InstallError> },
    #[error("{}", not_installed(.template, .failed, .again))]
    Rollout { template: String, failed: Vec<(String, NotInstalled)>, interrupted: bool, again: String },
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error(transparent)]
    NotDigested(#[from] HelperError),
    #[error("machines will not start from {image}: {errors} {}", if *.errors == 1 { "error" } else { "errors" })]
    WillNotWork { image: String, errors: usize },
    #[error("the rehearsal came to nothing")]
    Rehearsal(#[source] Box<RehearseError>),
    #[error("after {wrong} of {rehearsed} faults it does not end as without")]
    NotSame { rehearsed: usize, wrong: usize },
    #[error("{}", not_good(.counts, *.healed))]
    Scrub { counts: Counts, healed: bool, interrupted: bool },
    #[error(transparent)]
    NoSourcesAsked(#[from] OutdatedError),
    #[error("{}: `ays install --outdated` brings what is newer", images(*.0, "outdated"))]
    Outdated(usize),
    #[error("{}", images(*.0, "of unknown state"))]
    NotAsked(usize),
    #[error("{failed} of {all} outdated templates were not installed again")]
    StillOutdated { failed: usize, all: usize },
    #[error(transparent)]
    Survey(#[from] SurveyError),
    #[error("several images are there; name one of them with --url:{}", .0.iter().map(|url| format!("\n  {url}")).collect::<String>())]
    SeveralImages(Vec<SecretUrl>),
    #[error("{0}: no .md5sum is beside it, so --checkmd5 cannot be kept")]
    NoMd5(SecretUrl),
    #[error(transparent)]
    NewImage(#[from] NewImageError),
    #[error("{}", mistakes(*.0))]
    Mistakes(usize),
    #[error("files that are not in their usual form: {0}; `ays fmt` brings them into it")]
    NotFormatted(usize),
    #[error("no node is in grid {}", .0.map_or_else(|| "any".to_owned(), |grid| grid.to_string()))]
    NoNodes(Option<u32>),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the address does not say what to call the clone: name its directory")]
    NoName,
    #[error(transparent)]
    Branch(#[from] BranchError),
    #[error(transparent)]
    Clone(#[from] CloneError),
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Save(#[from] SaveError),
    #[error(transparent)]
    Init(#[from] InitError),
    #[error("say what was done: -m TEXT")]
    NoMessage,
    #[error(
        "git does not know who commits:\n  git config --global user.name NAME\n  git config --global user.email ADDRESS"
    )]
    NoAuthor,
    #[error("interrupted")]
    Interrupted,
    #[error("the question could not be asked")]
    NotAnswered(#[source] inquire::InquireError),
    #[error("standard output cannot be written")]
    Output(#[source] std::io::Error),
}

/// Why a service was not installed on one of several nodes.
#[derive(Debug, thiserror::Error)]
pub enum NotInstalled {
    #[error(transparent)]
    Failed(#[from] Box<InstallError>),
    /// It could not be tried: the node's file is wrong.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<InstallError> for NotInstalled {
    fn from(error: InstallError) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Each failed node with its reason, and what to do.
fn not_installed(template: &str, failed: &[(String, NotInstalled)], again: &str) -> String {
    let nodes: Vec<_> = failed.iter().map(|(node, _)| node.as_str()).collect();
    let mut text = format!("{template} was not installed on {}", nodes.join(", "));
    for (node, why) in failed {
        text.push_str(&format!("\n  {node}: {}", with_causes(why).replace('\n', "\n  ")));
    }
    text.push_str(&format!("\nthese alone again: {again}"));
    text
}

fn mistakes(count: usize) -> String {
    let what = if count == 1 { "1 mistake has".to_owned() } else { format!("{count} mistakes have") };
    format!("{what} to be corrected: `ays explain CODE` says more")
}

/// What a scrub found, and what to do.
fn not_good(Counts { bad, unread }: &Counts, healed: bool) -> String {
    let mut said = Vec::new();
    if *bad > 0 {
        said.push(format!("{} not as it should be", copies(*bad)));
    }
    if *unread > 0 {
        said.push(format!("{} not read", copies(*unread)));
    }
    let mut text = said.join(", ");
    if *bad > 0 && !healed {
        text.push_str("\n--heal brings again what another node has");
    }
    text
}

/// `1 image is outdated`, `3 images are outdated`.
fn images(count: usize, state: &str) -> String {
    if count == 1 { format!("1 image is {state}") } else { format!("{count} images are {state}") }
}

/// An error and its causes in one line.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(&format!(": {words}"));
        }
        cause = error.source();
    }
    text
}

impl From<ays_repository::NotFound> for Failure {
    fn from(error: ays_repository::NotFound) -> Self {
        Self::Environment(error.into())
    }
}

impl Failure {
    /// As the help text lists them.
    fn code(&self) -> u8 {
        match self {
            Self::Domain { .. } | Self::Lookup(_) | Self::NoTargetName(_) | Self::Data(_) => 2,
            Self::Settings(error) | Self::Environment(EnvironmentError::Settings(error)) => match error {
                SettingsError::Words { .. } | SettingsError::Lookup(_) => 2,
                _ => 3,
            },
            Self::Environment(_) | Self::Node(NodeError::Lookup(_)) => 2,
            Self::UnknownImage(_) | Self::UnknownChecksum(_) | Self::NoHome => 2,
            Self::Unreadable { .. } | Self::Unwritable { .. } => 2,
            Self::Recipe(error) => match error {
                RecipeError::Secrets(_) | RecipeError::Unwritable { .. } => 1,
                RecipeError::Instance { .. } | RecipeError::Differ { .. } => 2,
                _ => 3,
            },
            Self::Node(NodeError::Secrets(_)) | Self::Secrets(_) => 1,
            Self::Unanswered { .. } | Self::EmptySecret | Self::LongSecret | Self::Input(_) => 2,
            Self::Node(_) | Self::Text(_) | Self::Mistakes(_) | Self::NotFormatted(_) => 3,
            Self::NewNode(NewNodeError::Gateway(error)) if !matches!(error, NodeError::Lookup(_)) => 3,
            Self::NewNode(_) | Self::NoPublicKey | Self::PublicKey { .. } => 2,
            Self::Install { source, .. } => match **source {
                InstallError::Recipe(_) => 3,
                InstallError::Interrupted => 130,
                _ => 1,
            },
            Self::Rehearsal(error) => match **error {
                RehearseError::NoStep { .. } => 2,
                RehearseError::Interrupted => 130,
                _ => 1,
            },
            Self::NotSame { .. }
            | Self::NotAnswered(_)
            | Self::NoSourcesAsked(_)
            | Self::NotAsked(_)
            | Self::StillOutdated { .. } => 1,
            Self::Outdated(_) => 10,
            Self::SeveralImages(_) | Self::NoMd5(_) | Self::NewImage(_) => 2,
            Self::Survey(_) => 1,
            Self::NotAdded { .. } | Self::Unfit { .. } => 1,
            Self::Clone(CloneError::Remote(RemoteError::Interrupted))
            | Self::Pull(PullError::Remote(RemoteError::Interrupted))
            | Self::Save(SaveError::Remote(RemoteError::Interrupted)) => 130,
            Self::Save(SaveError::NotPushed { source, .. })
                if matches!(**source, RemoteError::Interrupted) =>
            {
                130
            }
            Self::Clone(
                CloneError::Occupied { .. } | CloneError::Busy { .. } | CloneError::Unwritable { .. },
            ) => 2,
            Self::Pull(PullError::Branch(_))
            | Self::Save(SaveError::Branch(_) | SaveError::Author { .. }) => 2,
            Self::Clone(_) | Self::Pull(_) | Self::Save(_) => 1,
            Self::Address(_) | Self::NoName | Self::Branch(_) | Self::Init(_) => 2,
            Self::NoMessage | Self::NoAuthor => 2,
            Self::Inspect(_) | Self::NotDigested(_) | Self::WillNotWork { .. } => 1,
            Self::Interrupted => 130,
            Self::Rollout { interrupted: true, .. } | Self::Scrub { interrupted: true, .. } => 130,
            Self::Rollout { failed, .. } => {
                let is_text = |why: &NotInstalled| match why {
                    NotInstalled::Failed(error) => matches!(**error, InstallError::Recipe(_)),
                    NotInstalled::Node(_) => false,
                };
                if failed.iter().all(|(_, why)| is_text(why)) { 3 } else { 1 }
            }
            Self::Catalogue(CatalogueError::AmbiguousImage { .. }) | Self::NoNodes(_) => 2,
            Self::Scrub { .. } | Self::Catalogue(_) | Self::Runtime(_) | Self::Output(_) => 1,
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
