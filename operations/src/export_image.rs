//! An image as a file on the operator's machine.

use std::path::PathBuf;
use std::sync::Arc;

use ays_catalogue::ImageDetail;
use ays_engine::{Export, ExportError, Exported, Stop, ToExport};
use ays_model::{DiskFormat, ImageName};
use ays_transport::{SshSettings, Transport};

use crate::change_image::find;
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::generations::{generation, verified_copies};
use crate::off_runtime::off_runtime;
use crate::selection::all_nodes;

/// An image that is to be a file on this machine.
#[derive(Debug)]
pub struct ExportImage {
    /// Its name or id.
    pub image: String,
    /// Which generation; none: the current one.
    pub generation: Option<u32>,
    /// The file: an absolute path.
    pub file: PathBuf,
    /// What the file is to be.
    pub format: DiskFormat,
    /// Whether a file that is there is replaced.
    pub replace: bool,
}

/// An image that is a file on this machine.
#[derive(Debug)]
pub struct ExportedImage {
    /// Its name.
    pub image: ImageName,
    /// The generation's number.
    pub generation: u32,
    /// What a machine that starts from it sees.
    pub content: ays_model::Digest,
    /// The file.
    pub exported: Exported,
}

/// Why an image is not exported.
#[derive(Debug, thiserror::Error)]
enum NotExported {
    #[error("{path} is there already", path = .0.display())]
    IsThere(PathBuf),
    #[error("{path} is no place for a file", path = .0.display())]
    NoPlace(PathBuf),
}

impl ExportImage {
    /// Brings it from the nearest verified copy. The file appears when it is whole, and has been compared.
    ///
    /// # Errors
    ///
    /// There is no such image or generation, the file is there already, or no node gives it.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<ExportedImage, Error> {
        let Self { image, generation: number, file, format, replace } = self;
        check_place(&file, replace)?;
        let detail = find(&controller, &image).await?;
        let generation = generation(&detail, number)?;
        let copies = verified_copies(&controller, &detail, generation).await?;
        let environment = Arc::clone(&controller.environment);
        let nodes = off_runtime(&stop, move || Ok(all_nodes(&environment))).await?.targets;
        let transport = Transport::Ssh(ssh);
        let export = Export { nodes: &nodes, transport: &transport, temporary: &controller.temporary };
        let what = ToExport { content: generation.content, copies, file, format };
        let exported = export.run(&what, &stop, &*tell).await.map_err(|error| match error {
            ExportError::Interrupted => Error::interrupted(),
            error => Error::new(Kind::Failed, error),
        })?;
        let (number, content) = (generation.number, generation.content);
        let ImageDetail { image, .. } = detail;
        Ok(ExportedImage { image: image.name, generation: number, content, exported })
    }
}

fn check_place(file: &std::path::Path, replace: bool) -> Result<(), Error> {
    let wrong = |error| Err(Error::new(Kind::Usage, error));
    let parent = file.parent().filter(|parent| file.file_name().is_some() && parent.is_dir());
    if parent.is_none() || file.is_dir() {
        return wrong(NotExported::NoPlace(file.to_owned()));
    }
    if !replace && file.symlink_metadata().is_ok() {
        let there = Error::new(Kind::Usage, NotExported::IsThere(file.to_owned()));
        return Err(there.with_cure("name another file, or say --force to replace it"));
    }
    Ok(())
}
