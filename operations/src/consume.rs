//! That a service uses another one, written down where its methods find it.

use std::path::PathBuf;
use std::sync::Arc;

use ays_engine::Stop;
use ays_model::{InstanceName, TemplateName};
use ays_recipes::{Answers, Dependencies, Environment, Recipe, Request, Stored};
use serde::Serialize;

use crate::error::{Error, Kind};
use crate::off_runtime::off_runtime;
use crate::selection::Selection;

/// A service, its consumer, uses another one, its producer, for what that is.
#[derive(Debug, Clone)]
pub struct Consume {
    /// The consumer's template.
    pub template: TemplateName,
    /// Its instance.
    pub instance: InstanceName,
    /// Where the consumer is; nothing said: on this machine.
    pub nodes: Selection,
    /// The producer: `name`, `name:instance` or `domain:name:instance`, also with `__` between them.
    pub producer: String,
    /// What it is used as; none: the producer's own category, else its name.
    pub category: Option<String>,
}

/// What was written down.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consumed {
    /// The producer: `domain:name:instance`.
    pub producer: String,
    /// What it is used as.
    pub category: String,
    /// The files that changed; none: it was written there before.
    pub files: Vec<PathBuf>,
}

/// Why nothing was written down.
#[derive(Debug, thiserror::Error)]
enum ConsumeError {
    #[error("`{0}` names no service: NAME, NAME:INSTANCE or DOMAIN:NAME:INSTANCE do")]
    Producer(String),
    #[error("`{0}` cannot be a category: letters, digits, `.`, `-` and `_` can")]
    Category(String),
    #[error("{0} cannot consume itself")]
    Itself(TemplateName),
}

impl Consume {
    /// Writes it down.
    ///
    /// # Errors
    ///
    /// A template or node that nobody knows; what is asked for names none.
    pub async fn run(self, environment: Arc<Environment>, stop: Stop) -> Result<Consumed, Error> {
        off_runtime(&stop, move || {
            let usage = |error| Error::new(Kind::Usage, error);
            let template = environment.template(&self.template)?;
            let named = self.producer.replace("__", ":");
            let parts: Vec<&str> = named.split(':').map(str::trim).collect();
            let (name, instance) = match parts[..] {
                [name] => (name, "main"),
                [name, instance] | [_, name, instance] => (name, instance),
                _ => return Err(usage(ConsumeError::Producer(self.producer))),
            };
            if name.is_empty() || instance.is_empty() || instance.contains([',', '/']) {
                return Err(usage(ConsumeError::Producer(self.producer)));
            }
            if *name == *self.template && *instance == *self.instance {
                return Err(usage(ConsumeError::Itself(self.template)));
            }
            let producer = environment.template(name)?;
            let category = self.category.or_else(|| producer.category()).unwrap_or_else(|| name.to_owned());
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if category.is_empty() || !category.chars().all(is_plain) {
                return Err(usage(ConsumeError::Category(category)));
            }
            let selected = self.nodes.select(&environment)?;
            let request = Request {
                instance: self.instance,
                answers: Answers::default(),
                dependencies: Dependencies::Skip,
                nodes: selected.targets.iter().map(|target| target.name().clone()).collect(),
                stored: Stored::Used,
                parent: None,
                seed: None,
            };
            let producer = format!("{}:{name}:{instance}", environment.domain);
            let files = Recipe::consume(&environment, template, &request, &category, &producer)?;
            Ok(Consumed { producer, category, files })
        })
        .await
    }
}
