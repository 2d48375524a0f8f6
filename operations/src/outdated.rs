//! Which images have a newer content at their source, and which services bring it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ays_engine::{Asked, Freshness, Questions, Stop};
use ays_model::{ImageName, InstanceName, NodeName, TemplateName};
use ays_recipes::{Environment, Recipe, Request};

use ays_transport::SshSettings;
use serde::{Deserialize, Serialize};

use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::off_runtime::off_runtime;

/// A question to the source of every image that has a recipe: whether it has changed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outdated {}

impl Outdated {
    /// Asks, without downloading anything.
    ///
    /// # Errors
    ///
    /// Those of the catalogue, and of the helper that asks. A source that says nothing is no error.
    pub async fn run(
        self,
        controller: Controller,
        _ssh: SshSettings,
        stop: Stop,
        _tell: Tell,
    ) -> Result<Vec<Asked>, Error> {
        outdated(controller, stop).await
    }
}

async fn outdated(controller: Controller, stop: Stop) -> Result<Vec<Asked>, Error> {
    let mut current = controller.catalogue.current_generations().await?;
    // No recipe says what would have to be asked, and none could bring it.
    current.retain(|(_, generation)| !generation.template.is_by_hand());
    let installed = controller.catalogue.installed_images().await?;
    let environment = Arc::clone(&controller.environment);
    let questions = move || {
        Ok(Questions::new(current, &installed, |template, instance| {
            without_answers(&environment, template, instance).map_err(|error| error.to_string())
        }))
    };
    let questions = off_runtime(&stop, questions).await?;
    tokio::select! {
        asked = questions.ask(&controller.temporary) => Ok(asked?),
        () = stop.after_steps() => Err(Error::interrupted()),
    }
}

/// A recipe as it is when nobody answers its questions.
pub(crate) fn without_answers(
    environment: &Environment,
    template: &TemplateName,
    instance: &InstanceName,
) -> Result<Recipe, Error> {
    let request = Request::without_answers(instance.clone());
    Ok(Recipe::read(environment, environment.template(template)?, &request)?)
}

/// A service that an install brings up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutdatedService {
    /// Its template.
    pub template: TemplateName,
    /// Its instance.
    pub instance: InstanceName,
    /// The nodes that have an older generation of one of its images.
    pub nodes: Vec<NodeName>,
}

/// What is to be installed again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Behind {
    /// The services, by template and instance.
    pub services: Vec<OutdatedService>,
    /// The images whose sources said too little, and why.
    pub unknown: Vec<(ImageName, String)>,
}

/// Which services, among those that are asked for, an install brings up to date: `template` and `nodes` are all where
/// they are none.
///
/// # Errors
///
/// Those of [`outdated`].
pub async fn behind(
    controller: Controller,
    template: Option<TemplateName>,
    nodes: Option<Vec<NodeName>>,
    stop: Stop,
) -> Result<Behind, Error> {
    let mut unknown = Vec::new();
    let mut services: BTreeMap<(TemplateName, InstanceName), BTreeSet<NodeName>> = BTreeMap::new();
    for asked in outdated(controller, stop).await? {
        if template.as_ref().is_some_and(|template| *template != asked.template) {
            continue;
        }
        if let Freshness::Unknown(why) = &asked.freshness {
            unknown.push((asked.image.clone(), why.clone()));
        }
        let is_selected = |node: &NodeName| nodes.as_ref().is_none_or(|nodes| nodes.contains(node));
        for has in asked.behind().into_iter().filter(|has| is_selected(&has.node)) {
            let service = (asked.template.clone(), has.instance.clone());
            services.entry(service).or_default().insert(has.node.clone());
        }
    }
    let services = services.into_iter().map(|((template, instance), nodes)| OutdatedService {
        template,
        instance,
        nodes: nodes.into_iter().collect(),
    });
    Ok(Behind { services: services.collect(), unknown })
}
