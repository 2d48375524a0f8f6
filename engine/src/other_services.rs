//! Other services of the environment, as methods of a recipe ask for them.

use std::fmt;

use async_trait::async_trait;
use ays_actions::Value;
use ays_model::{InstanceName, Target, TemplateName};

/// What a method asks of another service on its node.
#[derive(Debug, Clone)]
pub struct ServiceOrder {
    /// The template of the service whose method asks.
    pub asked_by: TemplateName,
    /// The instance of that.
    pub asking_instance: InstanceName,
    /// The template of the other one.
    pub template: TemplateName,
    /// Its instance.
    pub instance: InstanceName,
    /// The node that both are on.
    pub target: Target,
    /// What is done: a verb of `ays`.
    pub verb: &'static str,
    /// Its answers, where it is installed. Secrets are in them by their references.
    pub args: Vec<(String, Value)>,
}

/// Does what methods ask of other services; whoever knows the environment can.
#[async_trait]
pub trait OtherServices: fmt::Debug + Send + Sync {
    /// Does it; gives whether the service is as it should be. The error is one sentence, for the method.
    async fn act(&self, order: ServiceOrder) -> Result<bool, String>;
}
