//! A method of a recipe, done on a node that goes away.

use std::path::PathBuf;
use std::sync::Arc;

use ays_actions::{Script, Value};
use ays_engine::{InstallError, Stop, Watch, debug_method};
use ays_model::{InstanceName, Target, TemplateName};
use ays_recipes::{Answers, Dependencies, Environment, LookupError, Recipe, Request, Stored};
use ays_transport::{Network, Session};

use crate::error::{Error, Kind, of_install};
use crate::off_runtime::off_runtime;
use crate::selection::local_pool;

/// A method of a recipe, done on a node that goes away, an action after the other.
#[derive(Debug, Clone)]
pub struct DebugMethod {
    /// The template.
    pub template: TemplateName,
    /// The instance.
    pub instance: InstanceName,
    /// The method.
    pub method: String,
    /// What `execute` is given.
    pub command: Option<String>,
    /// Answers to the template's questions.
    pub answers: Answers,
    /// What that node reaches.
    pub network: Network,
}

/// A node that goes away is made by root alone.
#[derive(Debug, thiserror::Error)]
#[error("only root can make a node that goes away")]
struct NotRoot;

impl DebugMethod {
    /// Does it; `watch` is shown each action before it is done, and what it came to. Gives what the method returned; none:
    /// `watch` ended it.
    ///
    /// # Errors
    ///
    /// The template has no such method, or it fails.
    pub async fn run(
        self,
        environment: Arc<Environment>,
        temporary: PathBuf,
        stop: Stop,
        watch: &mut dyn Watch,
    ) -> Result<Option<String>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Err(Error::new(Kind::Usage, NotRoot));
        }
        let Self { template, instance, method, command, answers, network } = self;
        let asked = method.clone();
        let reading = move || {
            let pool = local_pool(&environment)?;
            let template = environment.template(&template)?;
            let request = Request {
                instance,
                answers,
                dependencies: Dependencies::Skip,
                nodes: Vec::new(),
                stored: Stored::Used,
                parent: None,
                seed: None,
            };
            let recipe = Recipe::read(&environment, template, &request)?;
            if recipe.method(&asked).is_none() {
                let script = recipe.script.iter();
                let known: Vec<_> =
                    script.flat_map(Script::methods).map(|(def, _)| def.name.clone()).collect();
                let known = known.iter().map(String::as_str);
                return Err(LookupError::unknown("method", &asked, known).into());
            }
            Ok((recipe, Target::Local(pool)))
        };
        let (recipe, target) = off_runtime(&stop, reading).await?;
        let debugging = async {
            let local = tempfile::tempdir_in(&temporary).map_err(|error| Error::new(Kind::Failed, error))?;
            let mut session = Session::throwaway_node(&temporary, network).await?;
            let more = command.into_iter().map(Value::Str).collect();
            let done =
                debug_method(&recipe, (&method, more), &mut session.helper, &target, local.path(), watch)
                    .await;
            session.close().await;
            done.map_err(|error: InstallError| Error::new(of_install(&error), error))
        };
        tokio::select! {
            done = debugging => done,
            () = stop.after_steps() => Err(Error::interrupted()),
        }
    }
}
