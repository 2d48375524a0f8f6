//! Looking into disk images: after an install has stored one, and when somebody asks.

use std::path::{Path, PathBuf};

use ays_catalogue::{
    Catalogue, CatalogueError, Copy, CopyState, DiskFacts, Findings, Generation, GenerationId, ImageDetail,
    StartedBy, Timestamp,
};
use ays_model::{
    Boot, BootType, DiskFormat, Event, Expected, Family, Finding, FirstBoot, ImageName, Inspection, NodeName,
    StepName, Target,
};
use ays_protocol::{Failure, Inspect, Outcome, Step};
use ays_transport::{ConnectError, Helper, HelperError, OpenError, Session, Transport};

use crate::install::Working;
use crate::install_error::InstallError;

/// Why it is not known what is in an image.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Nothing could be said of it.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The helper does not work.
    #[error(transparent)]
    Helper(HelperError),
    /// There is no connection to a node that has it.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No pool has it.
    #[error("no node of the environment has a verified copy of `{image}`")]
    NoCopy {
        /// The image.
        image: ImageName,
    },
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl From<HelperError> for InspectError {
    fn from(error: HelperError) -> Self {
        match error {
            HelperError::Failed(failure) => Self::Failed(failure),
            other => Self::Helper(other),
        }
    }
}

impl From<OpenError> for InspectError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Connect(error) => error.into(),
            OpenError::Helper(error) => error.into(),
        }
    }
}

/// What is in a file of this machine. A helper that lives in a temporary directory below `temporary` looks, so that
/// nothing is left.
///
/// # Errors
///
/// Those of the helper, and [`Failure::NotInspected`] when nothing can be said of the file.
pub async fn inspect_file(path: &Path, temporary: &Path) -> Result<Inspection, InspectError> {
    // This user's alone: what is packed in the file is unpacked there.
    let unpacked = tempfile::tempdir_in(temporary).map_err(|error| HelperError::Spawn(error.into()))?;
    let mut session = Session::here(temporary).await?;
    let unpack = Some(unpacked.path().to_owned());
    let order = Inspect { path: path.to_owned(), format: None, unpack };
    let found = ask(&mut session.helper, order).await;
    session.close().await;
    Ok(found?)
}

/// What is in the current generation of an image, by a node that has a verified copy of it, and that node's name. What
/// was found is recorded.
///
/// # Errors
///
/// Those of the last node that has one, when none of them could say it.
pub async fn inspect_copy(
    ImageDetail { image, generations, .. }: &ImageDetail,
    nodes: &[Target],
    transport: &Transport,
    catalogue: &Catalogue,
) -> Result<(NodeName, Inspection), InspectError> {
    let mut error = InspectError::NoCopy { image: image.name.clone() };
    for (generation, copy) in verified(generations) {
        for target in nodes {
            if target.pool_key() != copy.pool {
                continue;
            }
            let path = PathBuf::from(&copy.pool.path).join(&copy.file);
            match on_node(target, transport, path, generation.format).await {
                Ok(found) => {
                    catalogue.set_disk_facts(generation.id, &facts(&found, image.boot_type)).await?;
                    return Ok((target.name().clone(), found));
                }
                Err(failed) => error = failed,
            }
        }
    }
    Err(error)
}

/// The verified copies of the current generation.
fn verified(generations: &[Generation]) -> Vec<(&Generation, &Copy)> {
    let current = generations.iter().filter(|generation| generation.current);
    let copies = current.flat_map(|generation| generation.copies.iter().map(move |copy| (generation, copy)));
    copies.filter(|(_, copy)| copy.state == CopyState::Verified).collect()
}

/// What is wrong with an image that is registered so.
pub fn findings(found: &Inspection, boot_type: BootType) -> Vec<Finding> {
    found.findings(Expected { boot: Some(boot_type) })
}

async fn on_node(
    target: &Target,
    transport: &Transport,
    path: PathBuf,
    format: DiskFormat,
) -> Result<Inspection, InspectError> {
    let mut session = Session::open(target, transport).await?;
    let found = ask(&mut session.helper, Inspect { path, format: Some(format), unpack: None }).await;
    session.close().await;
    Ok(found?)
}

async fn ask(helper: &mut Helper, order: Inspect) -> Result<Inspection, HelperError> {
    match helper.run(Step::Inspect(order), |_| {}).await? {
        Outcome::Inspected(found) => Ok(found),
        _ => Err(HelperError::Answer),
    }
}

/// What of it is recorded: that of the first system, and what is wrong.
fn facts(found: &Inspection, boot_type: BootType) -> DiskFacts {
    let said = |finding: Finding| format!("{}: {}", finding.severity, finding.message);
    let system = found.systems.first();
    DiskFacts {
        os: system.map(|system| match (&system.name, system.family) {
            (Some(name), _) => name.clone(),
            (None, Family::Linux) => "Linux".to_owned(),
            (None, Family::Windows) => "Windows".to_owned(),
        }),
        os_version: system.and_then(|system| system.version.clone()),
        architecture: system.and_then(|system| system.architecture.clone()),
        started_by: found.boot.map(|boot| match boot {
            Boot::Bios => StartedBy::Bios,
            Boot::Uefi => StartedBy::Uefi,
            Boot::Both => StartedBy::Both,
            Boot::Neither => StartedBy::Neither,
        }),
        first_boot: system.and_then(|system| system.first_boot).map(|first_boot| match first_boot {
            FirstBoot::CloudInit => ays_catalogue::FirstBoot::CloudInit,
            FirstBoot::CloudbaseInit => ays_catalogue::FirstBoot::CloudbaseInit,
            FirstBoot::None => ays_catalogue::FirstBoot::None,
        }),
        virtio: system.and_then(ays_model::System::has_disk_driver),
        can_grow: system.map(|system| system.can_grow),
        inspected_at: Some(Timestamp::now()),
        findings: Findings(findings(found, boot_type).into_iter().map(said).collect()),
    }
}

impl Working<'_, '_> {
    /// What is in a file of the target's pool, or why nothing can be said of that.
    pub(crate) async fn inspect(&mut self, file: &str) -> Result<Result<Inspection, String>, InstallError> {
        let pool = self.target.pool();
        let (path, format) = (pool.path.join(file), pool.format);
        match ask(&mut self.helper, Inspect { path, format: Some(format), unpack: None }).await {
            Ok(found) => Ok(Ok(found)),
            Err(error @ (HelperError::Failed(_) | HelperError::Answer)) => Ok(Err(error.to_string())),
            Err(source) => Err(InstallError::at(StepName::Register, Err(source))),
        }
    }

    /// Records what was found in a generation's disk, and warns of what will go wrong. That nothing can be said of it, or
    /// recorded, is a warning too.
    pub(crate) async fn tell_of_disk(
        &mut self,
        image: &ImageName,
        boot_type: BootType,
        found: Result<Inspection, String>,
        generation: GenerationId,
    ) {
        let found = match found {
            Ok(found) => found,
            Err(message) => return self.events.send(Event::Warning { message }),
        };
        let mut facts = facts(&found, boot_type);
        if found.is_broken() && self.rollout.force {
            facts.findings.0.push(format!("registered all the same by {} (--force)", self.rollout.by));
        }
        if let Err(error) = self.rollout.catalogue.set_disk_facts(generation, &facts).await {
            self.events.send(Event::Warning { message: format!("{image}: {error}") });
        }
        for Finding { message, cure, .. } in findings(&found, boot_type) {
            self.events.send(Event::Warning { message: format!("{image}: {message}; {cure}") });
        }
    }
}
