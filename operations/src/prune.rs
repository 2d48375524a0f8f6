//! Removing what is older than the generations that are kept.

use ays_catalogue::{Leaving, Removable};
use ays_engine::{RemovalEnd, Removing, Stop};
use ays_transport::SshSettings;

use crate::change_image::find;
use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::pools::Pools;
use crate::remove_files::RemovedFile;

/// A removal of old generations.
#[derive(Debug, Clone)]
pub struct Prune {
    /// Only of this image: its name or id.
    pub image: Option<String>,
    /// How many generations stay in each pool beside the one that is offered.
    pub keep: u32,
    /// Why, for the records.
    pub reason: Option<String>,
}

impl Prune {
    /// What may go, and whether something uses it; nothing is changed.
    ///
    /// # Errors
    ///
    /// There is no such image, or those of the catalogue. What a node meets is told of its files.
    pub async fn look(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<RemovedFile>, Error> {
        let leaving = self.leaving(&controller).await?;
        let files = controller.catalogue.removable(&leaving).await?;
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(self.reason);
        let removing = Removing { publish: pools.publish(&controller, &tell), by: &by };
        let ends = removing.look(&files, &stop, &*tell).await;
        Ok(RemovedFile::all(files, ends))
    }

    /// Removes those of `files` that may still go and that nothing uses.
    ///
    /// # Errors
    ///
    /// There is no such image, or those of the catalogue. What a node meets is told of its files.
    pub async fn remove(
        self,
        files: Vec<Removable>,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<RemovedFile>, Error> {
        let leaving = self.leaving(&controller).await?;
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(self.reason);
        let removing = Removing { publish: pools.publish(&controller, &tell), by: &by };
        let ends = removing.remove(&leaving, &files, &stop, &*tell).await;
        Ok(RemovedFile::all(files, ends))
    }

    async fn leaving(&self, controller: &Controller) -> Result<Leaving, Error> {
        let image = match &self.image {
            Some(asked) => Some(find(controller, asked).await?.image.id),
            None => None,
        };
        Ok(Leaving::Old { image, keep: self.keep })
    }
}

/// Whether a file that was looked at would be removed.
pub fn would_go(file: &RemovedFile) -> bool {
    matches!(file.end, RemovalEnd::Unused)
}
