//! What is asked of the environment and its catalogue.

use std::num::NonZeroUsize;
use std::sync::Arc;

use ays_catalogue::{
    AuditOf, AuditRecord, Found, Holding, HoldingFilter, Image, ImageDetail, ImageOnNode, ImageQuery,
    Numbers, Page, Run, RunFilter, ServiceOnNode, Stack, index_json,
};
use ays_model::{Node, NodeName, Target, TemplateName};
use ays_recipes::{Environment, LookupError, NodeError, Template};
use serde::Serialize;

use crate::controller::Controller;
use crate::error::{Error, Kind};
use crate::off_runtime::blocking;

/// A template as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedTemplate {
    /// Its name.
    pub name: TemplateName,
    /// What kind of service it is; none where its file says nothing or cannot be read.
    pub category: Option<String>,
    /// Its directory, from the environment's root.
    pub path: String,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
enum NotKnown {
    #[error("no image is named `{0}`: `ays image list` shows all")]
    Image(String),
    #[error("no source and no stored file has a checksum that begins with `{0}`")]
    Checksum(String),
}

/// All templates, by name.
///
/// # Errors
///
/// The runtime is ending.
pub async fn templates(environment: Arc<Environment>) -> Result<Vec<ListedTemplate>, Error> {
    blocking(move || Ok(list(&environment))).await
}

/// All nodes by their names; one whose file is wrong is an error of its own.
///
/// # Errors
///
/// The runtime is ending.
pub async fn nodes(environment: Arc<Environment>) -> Result<Vec<(NodeName, Result<Node, NodeError>)>, Error> {
    blocking(move || Ok(environment.nodes().to_vec())).await
}

/// All images.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn images(controller: Controller) -> Result<Vec<Image>, Error> {
    Ok(controller.catalogue.images().await?)
}

/// A part of the images.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn image_page(controller: Controller, query: ImageQuery) -> Result<Page<Image>, Error> {
    Ok(controller.catalogue.image_page(&query).await?)
}

/// What each stack has of each image that is wanted there.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn holdings(controller: Controller, filter: HoldingFilter) -> Result<Vec<Holding>, Error> {
    Ok(controller.catalogue.holdings(&filter).await?)
}

/// How many there are of what.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn numbers(controller: Controller) -> Result<Numbers, Error> {
    Ok(controller.catalogue.numbers().await?)
}

/// What installs brought where.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn installed_images(controller: Controller) -> Result<Vec<ImageOnNode>, Error> {
    Ok(controller.catalogue.installed_images().await?)
}

/// One image, by its name or id.
///
/// # Errors
///
/// There is none, or several grids have one of this name.
pub async fn image(controller: Controller, asked: String) -> Result<ImageDetail, Error> {
    let found = controller.catalogue.image(&asked).await?;
    found.ok_or_else(|| Error::new(Kind::Unknown, NotKnown::Image(asked)))
}

/// What an image's name or id, or the first 8 digits or more of a checksum, lead to.
///
/// # Errors
///
/// Nothing is known by it.
pub async fn find(controller: Controller, asked: String) -> Result<Vec<Found>, Error> {
    let found = controller.catalogue.find(&asked).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    if is_checksum(&asked) {
        return Err(Error::new(Kind::Unknown, NotKnown::Checksum(asked)));
    }
    Err(no_image(&controller, &asked).await?.into())
}

/// Whether a text can be the beginning of a checksum.
pub fn is_checksum(asked: &str) -> bool {
    asked.len() >= 8 && asked.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The runs that agree with what is given, the newest first.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn runs(
    controller: Controller,
    template: Option<TemplateName>,
    node: Option<NodeName>,
    limit: u32,
) -> Result<Vec<Run>, Error> {
    let filter =
        RunFilter { service: template.as_deref(), node: node.as_deref(), rollout: None, limit: Some(limit) };
    Ok(controller.catalogue.runs(&filter).await?)
}

/// All services that are installed, by node.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn services(controller: Controller) -> Result<Vec<ServiceOnNode>, Error> {
    Ok(controller.catalogue.installed_services().await?)
}

/// All stacks.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn stacks(controller: Controller) -> Result<Vec<Stack>, Error> {
    Ok(controller.catalogue.stacks().await?)
}

/// One stack, by its name.
///
/// # Errors
///
/// There is none.
pub async fn stack(controller: Controller, name: NodeName) -> Result<Stack, Error> {
    find_stack(&controller, &name).await
}

/// What a stack offers, in the form of its pool's `ays-images.json`.
///
/// # Errors
///
/// There is no such stack.
pub async fn stack_index(controller: Controller, name: NodeName) -> Result<String, Error> {
    let stack = find_stack(&controller, &name).await?;
    let environment = Arc::clone(&controller.environment);
    let node = move || Ok(Target::Node(Box::new(environment.node(None, stack.name.as_str())?)));
    let pool = blocking(node).await?.pool_key();
    let mut offers = controller.catalogue.offers(&pool).await?;
    offers.retain(|offer| offer.stacks.contains(&name));
    Ok(index_json(&offers, &[]))
}

/// What operators and installs changed, the last first.
///
/// # Errors
///
/// Those of the catalogue.
pub async fn audit(controller: Controller, of: AuditOf, limit: u32) -> Result<Vec<AuditRecord>, Error> {
    Ok(controller.catalogue.audit(&of, limit).await?)
}

/// A stack by its name. One that has moved to another grid is known there, and in the old one as gone.
pub(crate) async fn find_stack(controller: &Controller, name: &NodeName) -> Result<Stack, Error> {
    let mut stacks = controller.catalogue.stacks().await?;
    stacks.sort_by_key(|stack| !stack.in_environment);
    match stacks.iter().position(|stack| stack.name == *name) {
        Some(at) => Ok(stacks.swap_remove(at)),
        None => {
            let names = stacks.iter().map(|stack| stack.name.as_str());
            Err(LookupError::unknown("stack", name.as_str(), names).into())
        }
    }
}

/// What is said of an image that nobody knows.
pub(crate) async fn no_image(controller: &Controller, asked: &str) -> Result<LookupError, Error> {
    let images = controller.catalogue.images().await?;
    Ok(LookupError::unknown("image", asked, images.iter().map(|image| image.name.as_str())))
}

/// Each template's file is read, on all processors.
fn list(environment: &Environment) -> Vec<ListedTemplate> {
    let templates = environment.templates();
    let listed = |template: &Template| ListedTemplate {
        name: template.name.clone(),
        category: template.category(),
        path: template.dir.strip_prefix(&environment.root).unwrap_or(&template.dir).display().to_string(),
    };
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let parts = templates.chunks(templates.len().div_ceil(processors).max(1));
    std::thread::scope(|scope| {
        let reading: Vec<_> =
            parts.map(|part| scope.spawn(move || part.iter().map(listed).collect::<Vec<_>>())).collect();
        let read = reading.into_iter().map(|part| match part.join() {
            Ok(part) => part,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        read.flatten().collect()
    })
}
