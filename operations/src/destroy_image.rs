//! Deleting an image for ever: its files are removed from every pool.

use ays_catalogue::{Change, ImageDetail, ImageMove, ImageStatus, Leaving, Next, next_image_status};
use ays_engine::{Direction, Published, RemovalEnd, Removing, Stop};
use ays_model::ImageName;
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::change_image::{find, not_changed};
use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::pool_problem::PoolProblem;
use crate::pools::Pools;
use crate::remove_files::RemovedFile;

/// A permanent deletion of an image.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DestroyImage {
    /// Its name or id.
    pub image: String,
    /// Why, for the records.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What a permanent deletion came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destroyed {
    /// The image's name.
    pub image: ImageName,
    /// How far it came.
    pub result: DestroyResult,
    /// Its files, and what became of them.
    pub files: Vec<RemovedFile>,
    /// The pools that may still offer it.
    pub not_published: Vec<PoolProblem>,
}

/// How far a permanent deletion came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DestroyResult {
    /// It was so already.
    Before,
    /// Nothing was changed: not all of its files may go.
    Refused,
    /// It is in the recycle bin, and nothing was removed: some pools may still offer it.
    Offered,
    /// It is in the recycle bin, and some of its files are still there.
    Partly,
    /// Its files are gone.
    Now,
}

impl DestroyImage {
    /// Looks on all nodes whether something uses its files; where nothing does, the image goes to the recycle bin, its
    /// files are removed, and it is DESTROYED. Stopped anywhere, it goes on when it is done again.
    ///
    /// # Errors
    ///
    /// There is no such image, the catalogue failed, or the operator stopped it.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Destroyed, Error> {
        let Self { image, reason } = self;
        let ImageDetail { image, .. } = find(&controller, &image).await?;
        if image.status == ImageStatus::Destroyed {
            return Ok(ended(image.name, DestroyResult::Before, Vec::new()));
        }
        let pools = Pools::of(&controller, ssh, &stop).await?;
        let (catalogue, by) = (&controller.catalogue, controller.changes(reason));
        let removing = Removing { publish: pools.publish(&controller, &tell), by: &by };
        let leaving = Leaving::Image(image.id);
        let files = catalogue.removable(&leaving).await?;
        let looked = removing.look(&files, &stop, &*tell).await;
        if stop.is_wanted() {
            return Err(Error::interrupted());
        }
        if !looked.iter().all(|end| may_go(end, &pools)) {
            return Ok(ended(image.name, DestroyResult::Refused, RemovedFile::all(files, looked)));
        }
        if matches!(next_image_status(image.status, ImageMove::Delete), Next::Becomes(_)) {
            let change = Change::Image(image.id, ImageMove::Delete);
            let deleted = removing.publish.change(change, &by, Direction::Less, &stop).await;
            let Published { failed, .. } = deleted.map_err(not_changed)?;
            let failed = pools.that_matter(failed);
            if !failed.is_empty() {
                let not_published = failed.into_iter().map(PoolProblem::from).collect();
                return Ok(Destroyed {
                    not_published,
                    ..ended(image.name, DestroyResult::Offered, Vec::new())
                });
            }
        }
        // Copies whose files stay for other images need no node.
        catalogue.begin_removal(&leaving, &[], &by).await?;
        let mut ends = removing.remove(&leaving, &files, &stop, &*tell).await;
        for (file, (end, looked)) in files.iter().zip(ends.iter_mut().zip(&looked)) {
            if matches!(looked, RemovalEnd::NoNode) {
                // Nobody will ever be able to remove it from here: it is forgotten.
                catalogue.begin_removal(&leaving, std::slice::from_ref(file), &by).await?;
                catalogue.end_removal(&file.pool, &file.file, &by).await?;
                *end = RemovalEnd::NoNode;
            }
        }
        let is_gone = |end: &RemovalEnd| matches!(end, RemovalEnd::Removed | RemovalEnd::NoNode);
        let all_gone = ends.iter().all(is_gone);
        let files = RemovedFile::all(files, ends);
        if !all_gone {
            return Ok(ended(image.name, DestroyResult::Partly, files));
        }
        catalogue.change(Change::Image(image.id, ImageMove::Destroy), &by).await?;
        Ok(ended(image.name, DestroyResult::Now, files))
    }
}

fn ended(image: ImageName, result: DestroyResult, files: Vec<RemovedFile>) -> Destroyed {
    Destroyed { image, result, files, not_published: Vec::new() }
}

/// A pool that no node has any more holds nobody up, unless a node's file is wrong: then it may be that node's.
fn may_go(end: &RemovalEnd, pools: &Pools) -> bool {
    match end {
        RemovalEnd::Unused => true,
        RemovalEnd::NoNode => pools.broken.is_empty(),
        _ => false,
    }
}
