//! What methods of a recipe ask of other services of their node: the same operations that an operator would ask for.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use ays_actions::Value;
use ays_engine::{Mode, OtherServices, ServiceOrder, Starting, Stop};
use ays_model::{RunAction, Target};
use ays_recipes::{Answers, Dependencies, Stored};
use ays_transport::SshSettings;

use crate::act_on_services::ActOnServices;
use crate::controller::{Controller, Tell};
use crate::error::Error;
use crate::install::Install;
use crate::problem::Problem;
use crate::selection::Selection;

/// See the module.
struct MethodCalls {
    controller: Controller,
    ssh: SshSettings,
    stop: Stop,
    tell: Tell,
}

/// Who does what methods of recipes ask of other services: [`Controller::calls`].
pub fn method_calls(
    controller: Controller,
    ssh: SshSettings,
    stop: Stop,
    tell: Tell,
) -> Box<dyn OtherServices> {
    Box::new(MethodCalls { controller, ssh, stop, tell })
}

impl fmt::Debug for MethodCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodCalls").finish_non_exhaustive()
    }
}

#[async_trait]
impl OtherServices for MethodCalls {
    async fn act(&self, order: ServiceOrder) -> Result<bool, String> {
        let ServiceOrder { asked_by, asking_instance, template, instance, target, verb, args } = order;
        let mut controller = self.controller.clone();
        // What was asked for before may have written some.
        controller.environment = Arc::new(controller.environment.with_new_answers());
        controller.asked_by.push((asked_by, asking_instance));
        controller.refuse_a_circle(&template, &instance).map_err(|error| error.to_string())?;
        let nodes = match &target {
            Target::Local(_) => Selection::default(),
            Target::Node(_) => Selection::named(vec![target.name().to_string()]),
        };
        let (ssh, stop, tell) = (self.ssh.clone(), self.stop.clone(), Tell::clone(&self.tell));
        if verb == RunAction::Install.as_str() {
            let mut answers = Answers::default();
            for (key, value) in args {
                let answer =
                    text(&value).ok_or_else(|| format!("`{key}`: an answer is a text or a number"))?;
                answers.give(key.strip_prefix("instance.").unwrap_or(&key), answer);
            }
            let install = Install {
                template,
                instance,
                nodes,
                mode: Mode::IfNeeded,
                force: false,
                dependencies: Dependencies::First,
                starting: Starting::Starts,
                parallel: None,
                answers,
                stored: Stored::Used,
                parent: None,
                seed: None,
            };
            let installed = by_itself(install.run(controller, ssh, stop, tell)).await?;
            return match installed.nodes.into_iter().find_map(|node| node.problem) {
                Some(problem) => Err(problem.in_one_line()),
                None => Ok(true),
            };
        }
        let action = verb.parse().map_err(|_| format!("`{verb}` is nothing that is done with a service"))?;
        let act = ActOnServices {
            action,
            template: Some(template),
            instance,
            nodes,
            parallel: None,
            command: None,
        };
        let done = by_itself(act.run(controller, ssh, stop, tell)).await?;
        match done.iter().find_map(|service| service.problem.as_ref()) {
            Some(problem) => Err(problem.in_one_line()),
            None => Ok(done.iter().all(|service| service.is_up != Some(false))),
        }
    }
}

/// Does it as a task of its own, which hears the same `Stop`: the run that asked may be ended first.
async fn by_itself<T: Send + 'static>(
    doing: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::spawn(doing).await.map_err(|error| error.to_string())?;
    done.map_err(|error| Problem::from(&error).in_one_line())
}

/// An answer as an operator would write it.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Str(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::None => String::new(),
        Value::List(items) => items.iter().map(text).collect::<Option<Vec<_>>>()?.join(", "),
        Value::Dict(_) | Value::Unknown(_) | Value::Other(_) => return None,
    })
}
