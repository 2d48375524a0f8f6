//! Removing what is older than the generations that are kept.

use ays_catalogue::{Leaving, Removable};
use ays_engine::{Removing, Stop};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::change_image::find;
use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::pools::Pools;
use crate::remove_files::{RemovalResult, RemovedFile};

/// A removal of old generations.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prune {
    /// Only of this image: its name or id.
    #[serde(default)]
    pub image: Option<String>,
    /// How many generations stay in each pool beside the one that is offered.
    pub keep: u32,
    /// What is removed.
    #[serde(default)]
    pub files: PruneFiles,
    /// Why, for the records.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What a removal of old generations removes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PruneFiles {
    /// Nothing: it only says what may go.
    #[default]
    Look,
    /// Those of these files that may still go.
    These(Vec<Removable>),
    /// All that may go.
    All,
}

impl Prune {
    /// Says what may go, and removes it where that is asked for.
    ///
    /// # Errors
    ///
    /// There is no such image, or those of the catalogue. What a node meets is told of its files.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<RemovedFile>, Error> {
        if let PruneFiles::These(files) = &self.files {
            return self.remove(files.clone(), controller, ssh, stop, tell).await;
        }
        let looked = self.look(controller.clone(), ssh.clone(), stop.clone(), tell.clone()).await?;
        if stop.is_wanted() {
            return Err(Error::interrupted());
        }
        if let PruneFiles::Look = self.files {
            return Ok(looked);
        }
        let (going, staying): (Vec<_>, Vec<_>) =
            looked.into_iter().partition(|file| file.result == RemovalResult::Unused);
        let files = going.into_iter().map(|file| file.file).collect();
        let mut removed = self.remove(files, controller, ssh, stop, tell).await?;
        removed.extend(staying);
        Ok(removed)
    }

    /// What may go, and whether something uses it; nothing is changed.
    async fn look(
        &self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<RemovedFile>, Error> {
        let leaving = self.leaving(&controller).await?;
        let files = controller.catalogue.removable(&leaving).await?;
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(self.reason.clone());
        let removing = Removing { publish: pools.publish(&controller, &tell), by: &by };
        let ends = removing.look(&files, &stop, &*tell).await;
        Ok(RemovedFile::all(files, ends))
    }

    /// Removes those of `files` that may still go and that nothing uses.
    async fn remove(
        &self,
        files: Vec<Removable>,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<RemovedFile>, Error> {
        let leaving = self.leaving(&controller).await?;
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let by = controller.changes(self.reason.clone());
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
