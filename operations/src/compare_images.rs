//! Two generations are compared by the pieces of their contents.

use std::sync::Arc;

use ays_catalogue::ImageDetail;
use ays_engine::{Compare, CompareError, Compared, Stop, ToCompare};
use ays_model::{Digest, ImageName};
use ays_transport::{SshSettings, Transport};

use crate::change_image::find;
use crate::controller::{Controller, Tell};
use crate::error::{Error, Kind};
use crate::generations::{generation, verified_copies};
use crate::off_runtime::off_runtime;
use crate::selection::all_nodes;

/// A comparison of two images.
#[derive(Debug)]
pub struct CompareImages {
    /// An image's name or id, which `:` and the number of a generation may follow; without one, the current generation.
    pub one: String,
    /// The other one.
    pub other: String,
}

/// One of two generations that were compared.
#[derive(Debug)]
pub struct ComparedGeneration {
    /// The image's name.
    pub image: ImageName,
    /// The generation's number.
    pub generation: u32,
    /// What a machine that starts from it sees.
    pub content: Digest,
    /// The size of that, in bytes.
    pub virtual_size: u64,
}

/// What a comparison came to.
#[derive(Debug)]
pub struct ComparedImages {
    /// The first.
    pub one: ComparedGeneration,
    /// The second.
    pub other: ComparedGeneration,
    /// How they differ.
    pub compared: Compared,
}

impl CompareImages {
    /// Reads both where verified copies are; where they have one content, nothing is read.
    ///
    /// # Errors
    ///
    /// There is no such image or generation, or no node can read one of them.
    pub async fn run(
        self,
        controller: Controller,
        ssh: SshSettings,
        stop: Stop,
        tell: Tell,
    ) -> Result<ComparedImages, Error> {
        let (one, to_compare_one) = look_up(&controller, &self.one).await?;
        let (other, to_compare_other) = look_up(&controller, &self.other).await?;
        let environment = Arc::clone(&controller.environment);
        let nodes = off_runtime(&stop, move || Ok(all_nodes(&environment))).await?.targets;
        let transport = Transport::Ssh(ssh);
        let rate = controller.environment.settings.scrub.rate;
        let compare = Compare { nodes: &nodes, transport: &transport, rate };
        let compared = compare.run(&to_compare_one, &to_compare_other, &stop, &*tell).await;
        let compared = compared.map_err(|error| match error {
            CompareError::Interrupted => Error::interrupted(),
            error => Error::new(Kind::Failed, error),
        })?;
        Ok(ComparedImages { one, other, compared })
    }
}

async fn look_up(controller: &Controller, asked: &str) -> Result<(ComparedGeneration, ToCompare), Error> {
    let (detail, number) = find_generation(controller, asked).await?;
    let found = generation(&detail, number)?;
    let copies = verified_copies(controller, &detail, found).await?;
    let (content, virtual_size) = (found.content, found.virtual_size);
    let compared = ComparedGeneration {
        image: detail.image.name.clone(),
        generation: found.number,
        content,
        virtual_size,
    };
    Ok((compared, ToCompare { content, virtual_size, copies }))
}

/// An image whose own name ends like a generation's number is found by that name.
async fn find_generation(controller: &Controller, asked: &str) -> Result<(ImageDetail, Option<u32>), Error> {
    if let Some(detail) = controller.catalogue.image(asked).await? {
        return Ok((detail, None));
    }
    let split = asked.rsplit_once(':').and_then(|(image, number)| Some((image, number.parse().ok()?)));
    match split {
        Some((image, number)) => Ok((find(controller, image).await?, Some(number))),
        None => Ok((find(controller, asked).await?, None)),
    }
}
