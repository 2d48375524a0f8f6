//! A debugger for methods: one is done on a node that goes away, and each action and its outcome is shown.

use std::path::Path;

use async_trait::async_trait;
use ays_actions::{Action, Outcome as ActionOutcome, Progress, ServiceKey, Value};
use ays_model::{Found, Target};
use ays_recipes::Recipe;
use ays_transport::Helper;

use crate::install_error::InstallError;
use crate::lifecycle::{Asked, own_processes, refuse};
use crate::local_methods::is_local;
use crate::service_on_node::OnNode;

/// What a debugger shows. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Debugged {
    /// This is done next.
    Next {
        /// The line of `actions.py` that asks for it, from 1.
        line: usize,
        /// What that line says.
        source: String,
        /// In one line.
        what: String,
    },
    /// It came to this.
    Gave(String),
}

/// Whoever is shown what a debugger does.
#[async_trait]
pub trait Watch: Send {
    /// Is shown this; before an action it says whether that is done.
    async fn show(&mut self, shown: Debugged) -> GoOn;
}

/// Whether a debugger goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn {
    /// With the next action.
    Yes,
    /// Not any more.
    No,
}

/// Does a method of a recipe on a node that goes away, `more` given to it beside the service; gives what it returns, as the
/// language shows it. None: `watch` did not go on. Other services, and images, are left alone: what is asked of them is
/// taken to be done. `local` is where methods that run on this machine have their directories.
///
/// # Errors
///
/// The method fails, or the node does.
pub async fn debug_method(
    recipe: &Recipe,
    (method, more): (&str, Vec<Value>),
    helper: &mut Helper,
    target: &Target,
    local: &Path,
    watch: &mut dyn Watch,
) -> Result<Option<String>, InstallError> {
    let Some(script) = recipe.method(method) else { return Ok(Some("None".to_owned())) };
    let mut run = script.run_with(method, more);
    let mut outcome = ActionOutcome::Done;
    let shown = |text: &str| script.words().hide(text);
    loop {
        let action = match run.resume(outcome)? {
            Progress::Returned(value) => return Ok(Some(shown(&literal(&value)))),
            Progress::Action(action) => action,
        };
        refuse(&action, &run, is_local(method))?;
        let place = run.wrong("");
        let source = place.source_line().trim().to_owned();
        let what = run.shown();
        if watch.show(Debugged::Next { line: place.line(), source, what: what.clone() }).await == GoOn::No {
            return Ok(None);
        }
        outcome = match action {
            Action::WriteHrd { .. } | Action::RegisterImage(_) => ActionOutcome::Done,
            Action::Service { .. } => ActionOutcome::Bool(true),
            Action::ReadHrd { service, key } => {
                ActionOutcome::Value(recipe.methods.others.value(&service, &key))
            }
            Action::FindServices { domain, name, instance } => {
                let (domain, name, instance) = (domain.as_deref(), name.as_deref(), instance.as_deref());
                ActionOutcome::Services(recipe.methods.others.find(domain, name, instance))
            }
            action => {
                let (mut seen, mut removed) = (Vec::new(), None);
                let (trees, others, events) = (&[], None, None);
                let (seen, removed) = (&mut seen, &mut removed);
                let helper = &mut *helper;
                let mut node = OnNode { recipe, trees, helper, target, local, others, events, seen, removed };
                match action {
                    Action::OwnProcesses(does) => node.perform(own_processes(does)).await?,
                    action => {
                        let (depends_on, is_local) = (None, is_local(method));
                        node.act(Asked { action, shown: what, depends_on, is_local }).await?
                    }
                }
            }
        };
        watch.show(Debugged::Gave(shown(&gave(&outcome)))).await;
    }
}

/// An outcome in one line.
fn gave(outcome: &ActionOutcome) -> String {
    let text = |bytes: &[u8]| format!("{:?}", String::from_utf8_lossy(bytes));
    match outcome {
        ActionOutcome::Done | ActionOutcome::Unknown => "done".to_owned(),
        ActionOutcome::Failed(why) => format!("it failed: {why}"),
        ActionOutcome::Bool(true) => "True".to_owned(),
        ActionOutcome::Bool(false) => "False".to_owned(),
        ActionOutcome::Text(text) => format!("{text:?}"),
        ActionOutcome::Bytes(bytes) => text(bytes),
        ActionOutcome::Ran { code, stdout, stderr } => {
            let parts = [("output", stdout), ("errors", stderr)];
            let said = parts.iter().filter(|(_, bytes)| !bytes.is_empty());
            let said: String = said.map(|(what, bytes)| format!(", {what} {}", text(bytes))).collect();
            format!("exit code {code}{said}")
        }
        ActionOutcome::Found(None) => "nothing is there".to_owned(),
        ActionOutcome::Found(Some(Found { .. })) => "it is there".to_owned(),
        ActionOutcome::Paths(paths) => format!("{paths:?}"),
        ActionOutcome::Pids(pids) => format!("{pids:?}"),
        ActionOutcome::Value(None) => "no value".to_owned(),
        ActionOutcome::Value(Some(value)) => literal(value),
        ActionOutcome::Services(services) => {
            let names: Vec<String> = services.iter().map(ServiceKey::to_string).collect();
            format!("[{}]", names.join(", "))
        }
    }
}

/// A value as the language writes it.
fn literal(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(literal).collect::<Vec<_>>().join(", ");
    match value {
        Value::None => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Str(text) => format!("{text:?}"),
        Value::List(items) => format!("[{}]", list(items)),
        Value::Dict(pairs) => {
            let pair = |(key, value): &(Value, Value)| format!("{}: {}", literal(key), literal(value));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        Value::Unknown(text) | Value::Other(text) => text.clone(),
    }
}
