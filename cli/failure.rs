//! What went wrong, its exit code, and what to do about it: printed once, here.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use ays_engine::AdoptError;
use ays_model::{NodeName, PoolName, SecretUrl, causes};
use ays_operations::{Error, Kind, Problem};
use ays_recipes::AnswerError;
use ays_transport::{InstallKeyError, PublicKeyError};

use crate::render::counts::{Counts, copies};
use crate::render::printable;

/// Everything that ends `ays` other than well: an operation's error, or what the command line alone can meet.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Operation(Box<Error>),
    #[error("the program could not start")]
    Runtime(#[source] std::io::Error),
    #[error("this user has no home directory: set HOME")]
    NoHome,
    #[error("domain `{asked}` is not here: this environment is `{here}`")]
    Domain { asked: String, here: String },
    #[error("{node} was not added: {}\n  cure: {cure}", causes(.source))]
    NotAdded { node: NodeName, cure: String, source: Box<InstallKeyError> },
    #[error("{}", not_adopted(.pool, .failed))]
    NotAdopted { pool: PoolName, failed: Vec<(NodeName, AdoptError)> },
    #[error("there is no public key: name a file, or make a pair of keys with ssh-keygen")]
    NoPublicKey,
    #[error("{from}")]
    PublicKey { from: String, source: PublicKeyError },
    #[error("{}", differs(.0))]
    CatalogueDiffers((usize, usize)),
    #[error("{unfit} of {of} nodes cannot be installed on")]
    Unfit { unfit: usize, of: usize },
    #[error("`{key}` has no answer that can be taken")]
    Unanswered {
        key: String,
        #[source]
        problem: AnswerError,
    },
    #[error("an empty text is no secret")]
    EmptySecret,
    #[error("a secret has at most 1 MiB")]
    LongSecret,
    #[error("standard input cannot be read as UTF-8 text")]
    Input(#[source] std::io::Error),
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{path} cannot be written", path = .path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    #[error("{}", not_installed(.what, .failed, .again))]
    Rollout { what: String, failed: Vec<(NodeName, Problem)>, interrupted: bool, again: String },
    #[error("name the template with --name")]
    NoTemplate,
    #[error("ssh to {node} cannot be started")]
    NoConsole {
        node: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{action}: not all is well:\n  {}", .said.join("\n  "))]
    Services { action: &'static str, said: Vec<String>, kind: Kind },
    #[error("machines will not start from {image}: {errors} {}", if *.errors == 1 { "error" } else { "errors" })]
    WillNotWork { image: String, errors: usize },
    #[error("after {wrong} of {rehearsed} faults it does not end as without")]
    NotSame { rehearsed: usize, wrong: usize },
    #[error("{}", not_good(.counts, *.healed))]
    Scrub { counts: Counts, healed: bool, interrupted: bool },
    #[error("{}: `ays install --outdated` brings what is newer", images(*.0, "outdated"))]
    Outdated(usize),
    #[error("recorded, but {} not written:\n  {}\nthe same again when they can be reached: {again}", indexes(.said.len()), .said.join("\n  "))]
    NotPublished { said: Vec<String>, again: String, interrupted: bool },
    #[error("not everywhere:\n  {}\ngoing on from here: {again}", .said.join("\n  "))]
    NotEverywhere { said: Vec<String>, again: String, interrupted: bool },
    #[error("not all of it was done:\n  {}", .said.join("\n  "))]
    AtClouds { said: Vec<String>, kind: Kind },
    #[error("{0:?} is no command: a program and its arguments, with quotes as in a shell")]
    NoCommand(String),
    #[error("{what}:\n  {}\nagain when the cause is gone: {again}", .kept.join("\n  "))]
    NotRemoved { what: String, kept: Vec<String>, again: String, interrupted: bool },
    #[error("{0}")]
    NotConfirmed(String),
    #[error("{}", images(*.0, "of unknown state"))]
    NotAsked(usize),
    #[error("{failed} of {all} outdated templates were not installed again")]
    StillOutdated { failed: usize, all: usize },
    #[error("several images are there; name one of them with --url:{}", .0.iter().map(|url| format!("\n  {url}")).collect::<String>())]
    SeveralImages(Vec<SecretUrl>),
    #[error("{0}: no .md5sum is beside it, so --checkmd5 cannot be kept")]
    NoMd5(SecretUrl),
    #[error("{option} means nothing for {url}")]
    NotForSource { option: &'static str, url: Box<SecretUrl> },
    #[error("nothing beside {0} is signed by the key of --key")]
    ProvesNothing(SecretUrl),
    #[error("{}", mistakes(*.0))]
    Mistakes(usize),
    #[error("files that are not in their usual form: {0}; `ays fmt` brings them into it")]
    NotFormatted(usize),
    #[error("the address does not say what to call the clone: name its directory")]
    NoName,
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

// What an operation's error can be made from, an error of the command line can.
impl<E> From<E> for Failure
where
    Error: From<E>,
{
    fn from(error: E) -> Self {
        Self::Operation(Box::new(error.into()))
    }
}

/// Each failed node with its reason, and what to do.
fn not_installed(what: &str, failed: &[(NodeName, Problem)], again: &str) -> String {
    let nodes: Vec<_> = failed.iter().map(|(node, _)| node.as_str()).collect();
    let mut text = format!("{what} was not installed on {}", nodes.join(", "));
    for (node, why) in failed {
        text.push_str(&format!("\n  {node}: {}", why.in_one_line().replace('\n', "\n  ")));
    }
    text.push_str(&format!("\nthese alone again: {again}"));
    text
}

/// Each node whose pool was not adopted, with its reason.
fn not_adopted(pool: &PoolName, failed: &[(NodeName, AdoptError)]) -> String {
    let said = failed.iter().map(|(node, why)| {
        format!("pool {pool} of {node} was not adopted: {}", causes(why).replace('\n', "\n  "))
    });
    said.collect::<Vec<_>>().join("\n")
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

/// What a check of the catalogue leaves open.
fn differs((findings, unreached): &(usize, usize)) -> String {
    let many = |count: usize, what: &str| {
        (count > 0).then(|| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") })
    };
    let findings = many(*findings, "finding").map(|said| format!("{said} left"));
    let unreached = many(*unreached, "node").map(|said| format!("{said} not looked at"));
    [findings, unreached].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `the index of 1 pool is`.
fn indexes(count: usize) -> String {
    if count == 1 { "the index of 1 pool is".to_owned() } else { format!("the indexes of {count} pools are") }
}

/// `1 image is outdated`, `3 images are outdated`.
fn images(count: usize, state: &str) -> String {
    if count == 1 { format!("1 image is {state}") } else { format!("{count} images are {state}") }
}

impl Failure {
    /// Of what kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Operation(error) => error.kind,
            Self::Services { kind, .. } => *kind,
            Self::NoHome
            | Self::NoCommand(_)
            | Self::NoTemplate
            | Self::NoConsole { .. }
            | Self::Domain { .. }
            | Self::NoPublicKey
            | Self::PublicKey { .. }
            | Self::Unanswered { .. }
            | Self::EmptySecret
            | Self::LongSecret
            | Self::Input(_)
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::SeveralImages(_)
            | Self::NoMd5(_)
            | Self::NotForSource { .. }
            | Self::ProvesNothing(_)
            | Self::NotConfirmed(_)
            | Self::NoName
            | Self::NoMessage
            | Self::NoAuthor => Kind::Usage,
            Self::Mistakes(_) | Self::NotFormatted(_) => Kind::Invalid,
            Self::Outdated(_) => Kind::Outdated,
            Self::Interrupted
            | Self::Rollout { interrupted: true, .. }
            | Self::NotPublished { interrupted: true, .. }
            | Self::NotEverywhere { interrupted: true, .. }
            | Self::NotRemoved { interrupted: true, .. }
            | Self::Scrub { interrupted: true, .. } => Kind::Interrupted,
            Self::AtClouds { kind, .. } => *kind,
            Self::Rollout { failed, .. } => {
                let is_invalid = |(_, why): &(NodeName, Problem)| why.kind == Kind::Invalid;
                if failed.iter().all(is_invalid) { Kind::Invalid } else { Kind::Failed }
            }
            Self::Runtime(_)
            | Self::NotAdded { .. }
            | Self::NotAdopted { .. }
            | Self::CatalogueDiffers(_)
            | Self::Unfit { .. }
            | Self::WillNotWork { .. }
            | Self::NotSame { .. }
            | Self::NotPublished { .. }
            | Self::NotEverywhere { .. }
            | Self::NotRemoved { .. }
            | Self::Scrub { .. }
            | Self::NotAsked(_)
            | Self::StillOutdated { .. }
            | Self::NotAnswered(_)
            | Self::Output(_) => Kind::Failed,
        }
    }

    /// As the help text lists them.
    fn code(&self) -> u8 {
        match self.kind() {
            Kind::Failed => 1,
            Kind::Usage | Kind::Unknown => 2,
            Kind::Invalid => 3,
            Kind::Outdated => 10,
            Kind::Interrupted => 130,
        }
    }

    /// Prints the error with its causes and gives the exit code.
    pub fn report(&self) -> ExitCode {
        // A reader that went away (`ays list | head`) is not worth a word.
        if !matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe) {
            let (red, plain) =
                if std::io::stderr().is_terminal() { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
            let Problem { message: mut text, because, .. } = Problem::of(self.kind(), self);
            for words in because {
                text.push_str(&format!("\n  because: {}", words.replace('\n', "\n  ")));
            }
            if let Self::Operation(error) = self
                && let Some(cure) = &error.cure
            {
                text.push_str(&format!("\n  cure: {cure}"));
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
