//! What the methods of a service leave for later runs on its node: those that an unfinished install has done, which the
//! next one need not do again, and the values that they have set.

use ays_actions::Value;
use ays_catalogue::ServiceState;
use ays_protocol::Facts;
use ays_recipes::Recipe;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct MethodState {
    /// The methods that are done.
    pub done: Vec<String>,
    /// The values that were set; none: removed.
    pub values: Vec<(String, Option<Value>)>,
}

impl MethodState {
    /// What was kept: of another recipe, with other answers, or on a node that was installed anew, nothing is done. A value
    /// that nobody can read any more is left out.
    pub fn of(kept: ServiceState, recipe: &Recipe, node: &Facts) -> Self {
        let words = recipe.script.as_ref().map(|script| script.words().clone()).unwrap_or_default();
        let read = |(key, json): (String, Option<String>)| match json {
            None => Some((key, None)),
            Some(json) => {
                let value: Value = serde_json::from_str(&json).ok()?;
                Some((key, Some(value.with_texts(&|text| words.of_references(text)))))
            }
        };
        Self {
            done: if kept.recipe == name(recipe, node) { kept.methods } else { Vec::new() },
            values: kept.values.into_iter().filter_map(read).collect(),
        }
    }

    /// What is to be kept. Secrets in values are kept by their references.
    pub fn kept(&self, recipe: &Recipe, node: &Facts) -> ServiceState {
        let words = recipe.script.as_ref().map(|script| script.words().clone()).unwrap_or_default();
        let write = |(key, value): &(String, Option<Value>)| match value {
            None => Some((key.clone(), None)),
            Some(value) => {
                let value = value.clone().with_texts(&|text| words.to_references(text));
                Some((key.clone(), Some(serde_json::to_string(&value).ok()?)))
            }
        };
        ServiceState {
            recipe: name(recipe, node),
            methods: self.done.clone(),
            values: self.values.iter().filter_map(write).collect(),
        }
    }

    /// A value is set, or removed.
    pub fn set(&mut self, key: String, value: Option<Value>) {
        self.values.retain(|(known, _)| !known.eq_ignore_ascii_case(&key));
        self.values.push((key, value));
    }
}

/// What tells a recipe with its answers on a node from others.
fn name(recipe: &Recipe, node: &Facts) -> String {
    let machine = node.machine.as_deref().unwrap_or("-");
    format!("{} {} {machine}", recipe.checksum, recipe.answers_digest)
}
