//! Which generations of images accounts have: brought up to date, and old ones removed.

use std::collections::BTreeMap;

use ays_catalogue::{ImageId, Publication, PublicationFilter, PublicationId, PublicationStatus};
use ays_engine::Stop;
use ays_publish::{FieldFault, Fields, Target, TargetType};
use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::change_image::find;
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::generations::generation;
use crate::problem::Problem;
use crate::publication_work::facts;
use crate::publications::RemovePublication;
use crate::publish_image::{PublishImage, PublishedTo};

/// Publishes the current generation wherever an older one is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishOutdated {
    /// Only of this image: its name or id.
    pub image: Option<String>,
    /// Only with these accounts; none: with all.
    #[serde(default)]
    pub accounts: Vec<String>,
}

/// Removes old generations from accounts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrunePublications {
    /// The account's name.
    pub account: String,
    /// How many generations of each image stay.
    pub keep: u32,
    /// Only tell which would go.
    #[serde(default)]
    pub look: bool,
}

/// An old generation at a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrunedPublication {
    /// The publication that brought it there.
    pub id: PublicationId,
    /// The image's name.
    pub image: String,
    /// The generation's number.
    pub generation: u32,
    /// What the cloud calls it.
    pub cloud_id: Option<String>,
    /// It is removed.
    pub removed: bool,
    /// Why it was not.
    pub problem: Option<Problem>,
}

impl PublishOutdated {
    /// Publishes them, one after the other; what has the same name there is replaced.
    ///
    /// # Errors
    ///
    /// There is no such image, or those of the catalogue.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<PublishedTo>, Error> {
        let image = match &self.image {
            Some(asked) => Some(find(&controller, asked).await?.image.id),
            None => None,
        };
        let mut done = Vec::new();
        for newest in newest(&controller, image).await? {
            if !self.accounts.is_empty() && !self.accounts.contains(&newest.account) {
                continue;
            }
            if stop.is_wanted() {
                return Err(Error::interrupted());
            }
            let run = async {
                let Some(publish) = again(&controller, &newest).await? else { return Ok(Vec::new()) };
                publish.run(controller.clone(), ssh.clone(), stop.clone(), Tell::clone(&tell)).await
            };
            match run.await {
                Ok(published) => done.extend(published),
                Err(error) if error.kind == Kind::Interrupted => return Err(error),
                // The others are brought up to date all the same.
                Err(error) => done.push(PublishedTo {
                    account: newest.account.clone(),
                    publication: None,
                    cloud_id: None,
                    location: None,
                    kept: false,
                    problem: Some(Problem::from(&error)),
                }),
            }
        }
        Ok(done)
    }
}

/// The newest generation of each image with each account and each name there.
async fn newest(controller: &Controller, image: Option<ImageId>) -> Result<Vec<Publication>, Error> {
    let filter =
        PublicationFilter { image, status: Some(PublicationStatus::Done), ..PublicationFilter::default() };
    let mut newest: BTreeMap<(ImageId, String, String), Publication> = BTreeMap::new();
    for of in controller.catalogue.publications(&filter).await? {
        let key = (of.image_id, of.account.clone(), home(&of));
        match newest.get(&key) {
            Some(known) if (known.generation, known.id) >= (of.generation, of.id) => {}
            _ => drop(newest.insert(key, of)),
        }
    }
    Ok(newest.into_values().collect())
}

/// Where at its account it is, whatever it is called there: a region, a repository, a project.
fn home(of: &Publication) -> String {
    let said = ["region", "namespace", "repositoryName", "tenantName", "keystoneProject"];
    said.map(|key| of.fields.get(key).map_or("", String::as_str)).join("/")
}

/// How the current generation is published as an older one was; none: that is the current one.
async fn again(controller: &Controller, old: &Publication) -> Result<Option<PublishImage>, Error> {
    let detail = find(controller, &old.image_id.0.to_string()).await?;
    let current = generation(&detail, None)?;
    if current.number == old.generation {
        return Ok(None);
    }
    let wrong = |fault: FieldFault| Error::new(Kind::Failed, fault);
    let target: TargetType = old.target.parse().map_err(wrong)?;
    // What nobody said follows the generation.
    let before = generation(&detail, Some(old.generation))?;
    let was = Target::defaults(target, &facts(&detail, before));
    let mut fields: Fields = old.fields.clone();
    fields.retain(|key, value| was.get(key) != Some(value));
    Ok(Some(PublishImage {
        image: old.image_id.0.to_string(),
        generation: Some(current.number),
        accounts: vec![old.account.clone()],
        fields,
        overwrite: true,
        accept_licence: false,
        keep: old.keep,
    }))
}

impl PrunePublications {
    /// Removes them, the oldest first; what the cloud still uses it does not give, and that is told.
    ///
    /// # Errors
    ///
    /// Those of the catalogue.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<Vec<PrunedPublication>, Error> {
        let filter = PublicationFilter {
            account: Some(self.account.clone()),
            status: Some(PublicationStatus::Done),
            ..PublicationFilter::default()
        };
        let mut of_image: BTreeMap<(ImageId, String), Vec<Publication>> = BTreeMap::new();
        for of in controller.catalogue.publications(&filter).await? {
            of_image.entry((of.image_id, home(&of))).or_default().push(of);
        }
        let mut pruned = Vec::new();
        for mut all in of_image.into_values() {
            all.sort_by_key(|of| std::cmp::Reverse((of.generation, of.id)));
            let mut kept: Vec<u32> = all.iter().map(|of| of.generation).collect();
            kept.dedup();
            kept.truncate(self.keep as usize);
            for of in all.into_iter().rev().filter(|of| !kept.contains(&of.generation)) {
                if stop.is_wanted() {
                    return Err(Error::interrupted());
                }
                let problem = match self.look {
                    true => None,
                    false => {
                        let old = RemovePublication { id: of.id, remote: true };
                        let (ssh, stop) = (ssh.clone(), stop.clone());
                        let removed = old.run(controller.clone(), ssh, stop, Tell::clone(&tell)).await;
                        removed.err().map(|error| Problem::from(&error))
                    }
                };
                pruned.push(PrunedPublication {
                    id: of.id,
                    image: of.image.to_string(),
                    generation: of.generation,
                    cloud_id: of.cloud_id,
                    removed: !self.look && problem.is_none(),
                    problem,
                });
            }
        }
        Ok(pruned)
    }
}
