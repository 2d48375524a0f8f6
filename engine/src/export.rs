//! A stored file comes to the operator's machine: from the nearest nodes that have it, verified, under its name when it is
//! whole. Holes stay holes.
//!
//! A helper on this machine takes it as a node takes a file that is passed on, through the controller: nothing of this machine
//! has to be reachable. What has come stays beside the file's place when it is stopped, and the next run goes on with it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use ays_catalogue::ScrubCopy;
use ays_model::{Digest, DiskFormat, Event, Node, NodeName, StepName, Target};
use ays_protocol::{Failure, Outcome, PassedCopy, Step, StoreImage, Stored};
use ays_transport::{Helper, HelperError, Session, Transport};
use futures_util::future::join;

use crate::delivery::{PassedFile, ShareError};
use crate::passing::{Giver, GiverFault, LostGiver, Passing};
use crate::run_log::{Tell, now};
use crate::stop::Stop;

/// Brings stored files to this machine.
pub struct Export<'a> {
    /// All nodes of the environment.
    pub nodes: &'a [Target],
    /// How nodes are reached.
    pub transport: &'a Transport,
    /// Where directories may be made that go away.
    pub temporary: &'a Path,
}

/// A content, and the file that it is to be in.
#[derive(Debug, Clone)]
pub struct ToExport {
    /// What a machine that starts from it sees.
    pub content: Digest,
    /// The verified copies of it.
    pub copies: Vec<ScrubCopy>,
    /// The file on this machine: an absolute path. What is there is replaced.
    pub file: PathBuf,
    /// What the file is to be.
    pub format: DiskFormat,
}

/// A file that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its length in bytes.
    pub size: u64,
    /// It was there already.
    pub kept: bool,
    /// Bytes that came from a node: data, no holes.
    pub received: u64,
    /// Who gave it; none: nobody was asked.
    pub from: Option<NodeName>,
}

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No node gives it.
    #[error("no node can give it: {reason}")]
    NoGiver {
        /// Why the last one did not.
        reason: String,
    },
    /// It would have to be converted, and nothing tells whether that is the same.
    #[error("it is known by its SHA-256 only, so it cannot be converted: `ays scrub` names its content")]
    Unnamed,
    /// What was made of it is another content.
    #[error("it was converted, and became another content: {became}")]
    Converted {
        /// The content that it became.
        became: Digest,
    },
    /// Nodes cannot pass bytes to this machine.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The helper of this machine could not do it.
    #[error(transparent)]
    Helper(#[from] HelperError),
    /// A file or a directory of this machine.
    #[error("{path} cannot be written", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The operator stopped it.
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
}

/// What the taken file is called while it is converted.
const TAKEN: &str = "taken";

impl Export<'_> {
    /// Brings it.
    ///
    /// # Errors
    ///
    /// The file is then as it was before.
    pub async fn run(&self, what: &ToExport, stop: &Stop, tell: Tell<'_>) -> Result<Exported, ExportError> {
        let has_node = |copy: &&ScrubCopy| self.nodes.iter().any(|node| node.pool_key() == copy.pool);
        let none = || ExportError::NoGiver { reason: "no node has a verified copy".to_owned() };
        // A conversion costs more than a longer way.
        let copies = what.copies.iter().filter(has_node);
        let copy = copies.min_by_key(|copy| copy.format != what.format).ok_or_else(none)?;
        if copy.format != what.format && !matches!(what.content, Digest::FsVerity(_)) {
            return Err(ExportError::Unnamed);
        }
        let mut session = Session::here(self.temporary).await?;
        let exported = tokio::select! {
            exported = self.bring(&mut session, what, copy, tell) => exported,
            () = stop.now() => Err(ExportError::Interrupted),
        };
        session.close().await;
        exported
    }

    async fn bring(
        &self,
        session: &mut Session,
        what: &ToExport,
        copy: &ScrubCopy,
        tell: Tell<'_>,
    ) -> Result<Exported, ExportError> {
        let shown = what.file.display().to_string();
        tell(now(&here(), Event::StepStarted { step: StepName::Bring, what: shown.clone() }));
        let workplace = match copy.format == what.format {
            true => None,
            false => Some(workplace(&what.file).map_err(not_written(&what.file))?),
        };
        let path = workplace.as_ref().map_or_else(|| what.file.clone(), |directory| directory.join(TAKEN));
        let file = PassedFile { path, size: copy.size, digest: copy.digest };
        let (passed, from) = self.take(session, (copy, &what.copies), &file, tell).await?;
        let size = match workplace {
            None => passed.size,
            Some(directory) => convert(&mut session.helper, what, copy, passed, directory, tell).await?,
        };
        let from = from.filter(|_| !passed.kept);
        let result = match &from {
            None => format!("{shown}: was there"),
            Some(from) => format!("{shown}: {} bytes, from {from}", passed.received),
        };
        tell(now(&here(), Event::StepDone { step: StepName::Bring, result }));
        Ok(Exported { size, kept: passed.kept, received: passed.received, from })
    }

    fn givers<'g>(&'g self, copy: &'g ScrubCopy) -> impl Iterator<Item = Giver<'g>> {
        let nodes = self.nodes.iter().filter(|target| target.pool_key() == copy.pool);
        nodes.map(move |target| Giver { copy, target })
    }

    /// Takes a copy's file from the nodes that have it, one after the other; who gave it.
    async fn take(
        &self,
        session: &mut Session,
        (copy, copies): (&ScrubCopy, &[ScrubCopy]),
        file: &PassedFile,
        tell: Tell<'_>,
    ) -> Result<(PassedCopy, Option<NodeName>), ExportError> {
        let is_same = |other: &&ScrubCopy| (other.digest, other.size) == (copy.digest, copy.size);
        let givers: Vec<_> = copies.iter().filter(is_same).flat_map(|copy| self.givers(copy)).collect();
        let passing = Passing::new(self.transport)?;
        let place = passing.place();
        let taking = async {
            let mut member = place.join_operator(&session.connection);
            let on_progress =
                |progress| tell(now(&here(), Event::StepProgress { step: StepName::Bring, progress }));
            let taken = member.take(&mut session.helper, file, on_progress).await;
            // Nobody takes it from this machine.
            drop((member, place));
            taken
        };
        let (taken, lost) = join(taking, passing.give(&givers)).await;
        for LostGiver { giver, why } in lost {
            let why = match why {
                GiverFault::NotOpened(error) => ays_model::causes(&error),
                GiverFault::Helper(error) => ays_model::causes(&error),
                GiverFault::Refused(failure) => failure.to_string(),
            };
            let message = format!("{} could not give {}: {why}", giver.target.name(), giver.copy.file);
            tell(now(giver.target.name(), Event::Warning { message }));
        }
        match taken {
            Ok(passed) => Ok((passed, passing.from())),
            Err(HelperError::Failed(Failure::Unreachable { reason, .. })) => {
                Err(ExportError::NoGiver { reason })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes another format of what was taken, compares that, and gives it its name; its length in bytes.
async fn convert(
    helper: &mut Helper,
    what: &ToExport,
    copy: &ScrubCopy,
    passed: PassedCopy,
    directory: PathBuf,
    tell: Tell<'_>,
) -> Result<u64, ExportError> {
    let store = StoreImage {
        known: Some(copy.format),
        source: directory.join(TAKEN),
        member: None,
        stamp: Some(passed.stamp),
        pool: directory.clone(),
        stem: "converted".to_owned(),
        format: what.format,
        // It was judged when it was registered.
        force: true,
    };
    let on_progress = |progress| tell(now(&here(), Event::StepProgress { step: StepName::Bring, progress }));
    let Stored { file, content, size, .. } = match helper.run(Step::StoreImage(store), on_progress).await? {
        Outcome::Stored(stored) => stored,
        _ => return Err(HelperError::Answer.into()),
    };
    let became = Digest::FsVerity(content);
    let is_same = became == what.content;
    let dest = what.file.clone();
    let ended = tokio::task::spawn_blocking(move || {
        if is_same {
            fs::rename(directory.join(file), &dest)?;
            File::open(dest.parent().unwrap_or(Path::new("/")))?.sync_all()?;
        }
        fs::remove_dir_all(&directory)
    });
    let ended = ended.await.map_err(std::io::Error::other).and_then(|ended| ended);
    ended.map_err(not_written(&what.file))?;
    if is_same { Ok(size) } else { Err(ExportError::Converted { became }) }
}

/// The directory beside the file in which it is converted; what a stopped run left in it is used.
fn workplace(file: &Path) -> std::io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().display();
    let directory = file.with_file_name(format!(".{name}.ays-export"));
    match fs::DirBuilder::new().mode(0o700).create(&directory) {
        // A link that somebody has put there would lead elsewhere.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.symlink_metadata()?.is_dir() => {}
        made => made?,
    }
    Ok(directory)
}

fn not_written(path: &Path) -> impl FnOnce(std::io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::File { path, source }
}

/// What this machine is called where nodes have names.
fn here() -> NodeName {
    Node::LOCAL.into()
}
