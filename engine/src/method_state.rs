//! What the methods of a service leave for later runs on its node: those that an unfinished install has done, which the
//! next one need not do again, and the values that they have set.

use ays_actions::Value;
use ays_catalogue::ServiceState;
use ays_model::{Sha256, Words, is_secret_name};
use ays_protocol::Facts;
use ays_recipes::Recipe;
use sha2::Digest as _;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct MethodState {
    /// What tells all that methods build on from anything else; none: nothing is gone on with.
    inputs: Option<String>,
    /// The methods that are done.
    pub done: Vec<String>,
    /// The values that were set; none: removed.
    pub values: Vec<(String, Option<Value>)>,
}

impl MethodState {
    /// What was kept, for another action than an install.
    pub fn of(kept: ServiceState) -> Self {
        let read = |(key, json): (String, Option<String>)| match json {
            None => Some((key, None)),
            // One that nobody can read any more is left out.
            Some(json) => Some((key, Some(serde_json::from_str(&json).ok()?))),
        };
        let values = kept.values.into_iter().filter_map(read).collect();
        Self { inputs: None, done: Vec::new(), values }
    }

    /// What was kept, for an install, whose files from git are of these commits: where anything that methods build on is not
    /// as it was, nothing is done.
    pub fn of_install(kept: ServiceState, recipe: &Recipe, commits: &[&str], node: &Facts) -> Self {
        let inputs = inputs(recipe, commits, node);
        let is_same = inputs.as_ref().is_some_and(|inputs| *inputs == kept.inputs);
        let done = if is_same { kept.methods.clone() } else { Vec::new() };
        Self { inputs, done, ..Self::of(kept) }
    }

    /// What is to be kept. A value that is a secret, or holds one, is for this run alone.
    pub fn kept(&self, recipe: &Recipe) -> ServiceState {
        let words = recipe.script.as_ref().map(|script| script.words().clone()).unwrap_or_default();
        let write = |(key, value): &(String, Option<Value>)| match value {
            None => Some((key.clone(), None)),
            Some(value) if is_secret(key, value) || holds_a_secret(value, &words) => None,
            Some(value) => Some((key.clone(), Some(serde_json::to_string(value).ok()?))),
        };
        ServiceState {
            inputs: self.inputs.clone().filter(|_| !self.done.is_empty()).unwrap_or_default(),
            methods: if self.inputs.is_some() { self.done.clone() } else { Vec::new() },
            values: self.values.iter().filter_map(write).collect(),
        }
    }

    /// A value is set, or removed.
    pub fn set(&mut self, key: String, value: Option<Value>) {
        self.values.retain(|(known, _)| !known.eq_ignore_ascii_case(&key));
        self.values.push((key, value));
    }
}

/// Whether it is called as secrets are, or a part of it is.
fn is_secret(key: &str, value: &Value) -> bool {
    let part = |(key, value): &(Value, Value)| matches!(key, Value::Str(key) if is_secret(key, value));
    is_secret_name(key)
        || match value {
            Value::Dict(pairs) => pairs.iter().any(part),
            Value::List(items) => items.iter().any(|item| is_secret("", item)),
            _ => false,
        }
}

fn holds_a_secret(value: &Value, words: &Words) -> bool {
    // Shown as it is written, every text in it is there.
    words.within(&format!("{value:?}")).is_some()
}

/// A digest of all that methods build on. None where that is not known: a secret may be another one by the next run.
fn inputs(recipe: &Recipe, commits: &[&str], node: &Facts) -> Option<String> {
    let script = recipe.script.as_ref()?;
    if !script.words().is_empty() {
        return None;
    }
    let all = format!(
        "{:?}",
        (
            recipe.checksum,
            recipe.answers_digest,
            &node.machine,
            commits,
            script.text(),
            script.service(),
            &recipe.methods.others
        )
    );
    Some(Sha256(sha2::Sha256::digest(all).into()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_called_as_secrets_are_makes_a_secret_of_all() {
        let text = |text: &str| Value::Str(text.to_owned());
        let dict = |key: &str| Value::Dict(vec![(text(key), text("x"))]);
        assert!(is_secret("instance.password", &text("x")) && is_secret("conf", &dict("password")));
        assert!(is_secret("confs", &Value::List(vec![dict("port"), dict("passwd")])));
        assert!(!is_secret("instance.port", &text("x")) && !is_secret("conf", &dict("port")));
    }
}
