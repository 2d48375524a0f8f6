//! Looking into disk images, and naming what is in them.

use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::{Stop, digest_file, findings, inspect_copy, inspect_file};
use ays_model::{DiskFormat, Expected, Finding, ImageName, Inspection, NodeName};
use ays_protocol::DigestedDisk;
use ays_recipes::NodeError;
use ays_transport::{SshSettings, Transport};

use crate::controller::Controller;
use crate::error::Error;
use crate::off_runtime::off_runtime;
use crate::queries::no_image;
use crate::selection::{Selected, all_nodes};

/// Looks into a disk image on this machine.
///
/// # Errors
///
/// Nothing can be said of it.
pub async fn check_file(
    path: PathBuf,
    temporary: PathBuf,
    stop: Stop,
) -> Result<(Inspection, Vec<Finding>), Error> {
    tokio::select! {
        found = inspect_file(&path, &temporary) => {
            let found = found?;
            let findings = found.findings(Expected::default());
            Ok((found, findings))
        }
        () = stop.after_steps() => Err(Error::interrupted()),
    }
}

/// What names the disk in a file of this machine; its format is told by its bytes where it is not said.
///
/// # Errors
///
/// It is no disk image.
pub async fn digest(
    path: PathBuf,
    format: Option<DiskFormat>,
    temporary: PathBuf,
    stop: Stop,
) -> Result<DigestedDisk, Error> {
    tokio::select! {
        digested = digest_file(&path, format, &temporary) => Ok(digested?),
        () = stop.after_steps() => Err(Error::interrupted()),
    }
}

/// A look into an image of the catalogue.
#[derive(Debug)]
pub struct CheckImage {
    /// Its name or id.
    pub image: String,
}

/// What was found in an image.
#[derive(Debug)]
pub struct CheckedImage {
    /// Its name.
    pub image: ImageName,
    /// The node that looked.
    pub node: NodeName,
    /// What is in it.
    pub found: Inspection,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Nodes whose files are wrong, so that they were not asked.
    pub broken: Vec<(NodeName, NodeError)>,
}

impl CheckImage {
    /// Has a node look that has a copy of it; what is found is recorded.
    ///
    /// # Errors
    ///
    /// Nobody knows the image, no node has a copy of it, or nothing can be said of it.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
    ) -> Result<CheckedImage, Error> {
        let catalogue = &controller.catalogue;
        let Some(detail) = catalogue.image(&self.image).await? else {
            return Err(no_image(&controller, &self.image).await?.into());
        };
        let environment = Arc::clone(&controller.environment);
        let Selected { targets, broken } = off_runtime(&stop, move || Ok(all_nodes(&environment))).await?;
        let transport = Transport::Ssh(ssh);
        let looked = tokio::select! {
            looked = inspect_copy(&detail, &targets, &transport, catalogue) => looked?,
            () = stop.after_steps() => return Err(Error::interrupted()),
        };
        let (node, found) = looked;
        let findings = findings(&found, detail.image.boot_type);
        Ok(CheckedImage { image: detail.image.name, node, found, findings, broken })
    }
}
