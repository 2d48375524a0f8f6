//! A rehearsal: an install on this machine, in a directory that goes away, with one step made to go wrong; then again,
//! twice. The end must be what it is without the fault.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ays_catalogue::{Catalogue, CatalogueError, Offer, Place};
use ays_model::{DiskFormat, Event, FaultAt, FaultKind, FaultReport, FaultStep, Node, Pool, Target};
use ays_recipes::Recipe;
use ays_transport::{Faults, HelperError, Transport};
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::digests::Digests;
use crate::install_error::InstallError;
use crate::lifecycle::Starting;
use crate::rollout::{Installed, Mode, Rollout, Sharing};
use crate::run_log::{Tell, now};
use crate::stacks::Stacks;
use crate::stop::Stop;

/// Why a rehearsal came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// Without any fault the install does not work.
    #[error("without a fault")]
    Plain(#[source] InstallError),
    /// The install has no such step.
    #[error("this install has no step `{step}`; it has {}", .steps.iter().map(|step| step.as_str()).collect::<Vec<_>>().join(", "))]
    NoStep {
        /// What was asked for.
        step: String,
        /// What there is.
        steps: Vec<FaultStep>,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The helper that reads what is stored.
    #[error(transparent)]
    Helper(#[from] HelperError),
    /// The directory that goes away.
    #[error("{path}", path = .path.display())]
    Files {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The operator stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// Which faults are rehearsed.
#[derive(Debug, Clone)]
pub enum Rehearsed {
    /// None: it is only tried out.
    Nothing,
    /// This one.
    One(FaultAt),
    /// Every step in every way.
    All,
}

/// A rehearsal of a recipe.
pub struct Rehearsal<'a> {
    /// The stacks of the environment that the recipe is from.
    pub stacks: &'a Stacks,
    /// What is installed.
    pub recipe: &'a Recipe,
    /// [`Mode::Again`]: it is installed once before the fault comes.
    pub mode: Mode,
    /// What the files of the pool are.
    pub format: DiskFormat,
    /// How sources and this machine are reached.
    pub transport: &'a Transport,
    /// Where the directory is made that goes away.
    pub temporary: &'a Path,
    /// Who does it.
    pub by: &'a str,
}

/// A place for installs that goes away.
struct Stage<'a> {
    rehearsal: &'a Rehearsal<'a>,
    directory: tempfile::TempDir,
    recipe: Recipe,
    target: Target,
}

/// What an install leaves.
#[derive(Debug, PartialEq, Eq)]
struct EndState {
    /// All files below the directory, but for the catalogue and the logs, with their SHA-256.
    files: BTreeMap<String, String>,
    offers: Vec<Offer>,
}

impl Rehearsal<'_> {
    /// Rehearses; `tell` hears of the events, and of every fault as it is done.
    pub async fn run(&self, faults: &Rehearsed, stop: &Stop, tell: Tell<'_>) -> Result<(), RehearseError> {
        let plain = Stage::new(self)?;
        let seen = Arc::new(Faults::default());
        plain.prepare(self.mode, stop).await?;
        plain.install(self.mode, &seen, stop, tell).await.map_err(RehearseError::Plain)?;
        let expected = plain.end_state().await?;
        let steps = seen.seen();
        let faults: Vec<FaultAt> = match faults {
            Rehearsed::Nothing => Vec::new(),
            Rehearsed::One(at) if steps.iter().any(|step| step.as_str() == at.step) => vec![at.clone()],
            Rehearsed::One(at) => return Err(RehearseError::NoStep { step: at.step.clone(), steps }),
            Rehearsed::All => {
                let of_step = |step: &FaultStep| {
                    let step = step.as_str();
                    FaultKind::ALL.iter().map(move |kind| FaultAt { step: step.to_owned(), kind: *kind })
                };
                steps.iter().flat_map(of_step).collect()
            }
        };
        for at in faults {
            let report = self.one(at, &expected, stop).await?;
            tell(now(&Node::LOCAL.into(), Event::FaultRehearsed(report)));
        }
        Ok(())
    }

    async fn one(&self, at: FaultAt, expected: &EndState, stop: &Stop) -> Result<FaultReport, RehearseError> {
        let stage = Stage::new(self)?;
        stage.prepare(self.mode, stop).await?;
        let mut wrong = Vec::new();
        let faults = Arc::new(Faults::at(at.clone()));
        let first = stage.install(self.mode, &faults, stop, &|_| {}).await;
        wrong.extend(stage.untrue().await?);
        if first.is_ok() && faults.has_struck() && at.kind != FaultKind::Kill {
            wrong.push("the fault was not told".to_owned());
        }
        let mut runs = vec![how(&first)];
        // The first of them may find that all was done; the second must.
        for (number, mode) in [self.mode, Mode::IfNeeded].into_iter().enumerate() {
            let again = stage.install(mode, &Arc::default(), stop, &|_| {}).await;
            if again.is_err() || (number == 1 && !matches!(again, Ok(Installed::Before))) {
                wrong.push(format!("run again: {}", how(&again)));
            }
            runs.push(how(&again));
        }
        let found = stage.end_state().await?;
        wrong.extend(found.differences(expected));
        let runs = [runs[0].clone(), runs[1].clone(), runs[2].clone()];
        Ok(FaultReport { step: at.step, kind: at.kind, runs, wrong })
    }
}

impl<'a> Stage<'a> {
    fn new(rehearsal: &'a Rehearsal<'a>) -> Result<Self, RehearseError> {
        let files = |source| RehearseError::Files { path: rehearsal.temporary.to_owned(), source };
        let directory = tempfile::Builder::new()
            .prefix("ays-rehearsal-")
            .tempdir_in(rehearsal.temporary)
            .map_err(files)?;
        let path = directory.path().join("node/pool");
        let (name, format, users) = ("local".into(), rehearsal.format, Vec::new());
        let pool = Pool { name, path, format, shared: false, user: None, users };
        let recipe = rehearsal.recipe.clone().below(&directory.path().join("node"));
        Ok(Self { rehearsal, directory, recipe, target: Target::Local(pool) })
    }

    /// For a rehearsal of doing it again: it has been done.
    async fn prepare(&self, mode: Mode, stop: &Stop) -> Result<(), RehearseError> {
        if mode == Mode::Again {
            let done = self.install(Mode::IfNeeded, &Arc::default(), stop, &|_| {}).await;
            done.map_err(RehearseError::Plain)?;
        }
        Ok(())
    }

    /// Each install opens the catalogue anew, as a new process would.
    async fn catalogue(&self) -> Result<Catalogue, CatalogueError> {
        Catalogue::open(&Place::File(self.directory.path().join("catalogue.db")), &"rehearsal".into()).await
    }

    async fn install(
        &self,
        mode: Mode,
        faults: &Arc<Faults>,
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Result<Installed, InstallError> {
        let catalogue = self.catalogue().await?;
        let owner = catalogue.owner(self.rehearsal.by.to_owned()).await?;
        let rollout = Rollout {
            stacks: self.rehearsal.stacks,
            recipe: &self.recipe,
            file: None,
            catalogue: &catalogue,
            owner: &owner,
            logs: &self.directory.path().join("runs"),
            transport: self.rehearsal.transport,
            mode,
            starting: Starting::Starts,
            trees: &[],
            others: None,
            force: false,
            sharing: Sharing::Alone,
            parallel: NonZeroUsize::MIN,
            by: self.rehearsal.by,
        };
        let targets = std::slice::from_ref(&self.target);
        let results = tokio::select! {
            results = rollout.run_with(targets, stop, tell, Some(faults)) => results?,
            () = faults.killed() => return Err(InstallError::Interrupted),
        };
        results.into_iter().next().unwrap_or(Err(InstallError::Interrupted))
    }

    async fn end_state(&self) -> Result<EndState, RehearseError> {
        let root = self.directory.path().join("node");
        let mut files = BTreeMap::new();
        for entry in WalkDir::new(&root).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
            let name = entry.path().strip_prefix(&root).unwrap_or(entry.path()).display().to_string();
            // Each stage has a catalogue of its own, so its mark is its own too.
            let is_mark = entry.file_name() == ".ays-owner.json";
            files.insert(name, if is_mark { String::new() } else { sha256(entry.path())? });
        }
        let offers = self.catalogue().await?.offers(&self.target.pool_key()).await?;
        Ok(EndState { files, offers })
    }

    /// What is offered must be there, whole, whatever happened.
    async fn untrue(&self) -> Result<Vec<String>, RehearseError> {
        let pool = &self.target.pool().path;
        let mut wrong = Vec::new();
        let offers = self.catalogue().await?.offers(&self.target.pool_key()).await?;
        let mut digests = Digests::start(self.directory.path()).await?;
        for Offer { name, file, digest, .. } in offers {
            let format = self.target.pool().format;
            if !digests.has(&pool.join(&file), format, digest).await? {
                wrong.push(format!("{name} was offered while {file} was not whole"));
            }
        }
        for entry in WalkDir::new(pool).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
            let name = entry.file_name().display().to_string();
            let hash = name.rsplit_once('-').and_then(|(_, end)| end.split('.').next()).map(str::to_owned);
            let is_image = !name.starts_with('.') && name != "ays-images.json";
            let content = digests
                .content(entry.path(), self.target.pool().format)
                .await?
                .map(|content| content.to_string());
            if is_image && !hash.is_some_and(|hash| content.is_some_and(|all| all.starts_with(&hash))) {
                wrong.push(format!("{name} had its name before it was whole"));
            }
        }
        digests.end().await;
        Ok(wrong)
    }
}

impl EndState {
    fn differences(&self, expected: &Self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, hash) in &expected.files {
            match self.files.get(name) {
                None => wrong.push(format!("{name} is missing")),
                Some(found) if found != hash => wrong.push(format!("{name} has other bytes")),
                Some(_) => {}
            }
        }
        for name in self.files.keys().filter(|name| !expected.files.contains_key(*name)) {
            wrong.push(format!("{name} was left behind"));
        }
        if self.offers != expected.offers {
            wrong.push("what is offered is not the same".to_owned());
        }
        wrong
    }
}

fn how(result: &Result<Installed, InstallError>) -> String {
    match result {
        Ok(Installed::Now) => "installed".to_owned(),
        Ok(Installed::Before) => "nothing to do".to_owned(),
        Err(InstallError::Interrupted) => "interrupted".to_owned(),
        Err(error) => ays_model::causes(error),
    }
}

fn sha256(path: &Path) -> Result<String, RehearseError> {
    let failed = |source| RehearseError::Files { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}
