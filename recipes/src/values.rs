//! What `$(key)` stands for in a recipe.

use std::cell::Cell;

use ays_grammar::hrd::{self, Hrd};

use crate::instance::InstanceValues;
use crate::secrets::{SECRET, Secrets};
use crate::settings::Settings;
use crate::value::scalar;

/// Where `$(key)` finds its value: what the template's file does not say itself comes from the answers, the
/// instance, and the environment.
pub(crate) struct Values<'a> {
    pub service: &'a Hrd,
    pub instance: &'a InstanceValues,
    pub settings: &'a Settings,
    pub secrets: &'a Secrets<'a>,
    /// How many bytes references may still bring in.
    pub left: Cell<usize>,
}

/// How deep a value may refer to others.
const DEEPEST: u32 = 8;
/// How many bytes all references of a recipe may bring in: values that repeat each other must not fill the memory.
pub(crate) const MOST: usize = 16 << 20;
/// What a reference costs beside its value's bytes, so that empty ones are bounded too.
const COST: usize = 4096;

impl Values<'_> {
    /// The answers, as methods see them.
    pub fn of_instance(&self) -> impl Iterator<Item = (String, ays_actions::Value)> {
        self.instance.keys().filter_map(|key| {
            let value = self.get(&format!("instance.{key}"))?;
            Some((format!("instance.{key}"), ays_actions::Value::Str(value)))
        })
    }

    pub fn get(&self, key: &str) -> Option<String> {
        self.follow(key, DEEPEST)
    }

    /// A value that refers to others is given with theirs put in; a circle, and what would be too much, is left as it
    /// stands.
    fn follow(&self, key: &str, deepest: u32) -> Option<String> {
        let value = self.look_up(key)?;
        self.left.set(self.left.get().checked_sub(value.len() + COST)?);
        if deepest == 0 || !value.contains("$(") {
            return Some(value);
        }
        Some(hrd::substitute(&value, &|key| self.follow(key, deepest - 1)))
    }

    fn look_up(&self, key: &str) -> Option<String> {
        let own = |key: &str| self.service.get(key).and_then(|entry| scalar(&entry.value));
        let instance = |key: &str| self.instance.get(key, self.secrets);
        if let Some(key) = key.strip_prefix("instance.") {
            return instance(key);
        }
        if let Some(name) = key.strip_prefix(SECRET) {
            return own(key).or_else(|| self.secrets.word(name));
        }
        let service = key.strip_prefix("service.");
        let environment = || self.settings.value(key).map(str::to_owned);
        service.and_then(own).or_else(|| own(key)).or_else(|| instance(key)).or_else(environment)
    }
}
