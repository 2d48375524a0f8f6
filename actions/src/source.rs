//! The text of an `actions.py`, and what is known of the service that it belongs to.

use std::path::PathBuf;
use std::sync::Arc;

use ays_grammar::actions::Module;
use ays_grammar::hrd::Substituted;
use ays_grammar::{Diagnostic, Span};
use ays_model::{Words, is_secret_name};

use crate::value::Value;

/// A service as its recipe sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    /// Its domain.
    pub domain: String,
    /// Its template.
    pub name: String,
    /// Its instance.
    pub instance: String,
    /// The values of its HRD, `service.*` and `instance.*`, by their full keys.
    pub values: Vec<(String, Value)>,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    /// As the file has it: errors show this, since what `$(..)` stands for may be a password.
    pub(crate) written: Arc<str>,
    pub(crate) text: Arc<Substituted>,
    pub(crate) module: Arc<Module>,
    /// What stands in the text for secrets.
    pub(crate) words: Words,
    /// The recipe's downloads, in order: each `web.export`'s `dest`.
    pub(crate) downloads: Vec<PathBuf>,
    /// None where nothing is known of it.
    pub(crate) service: Option<Arc<Service>>,
}

impl Source {
    /// A text with `***` in the place of secrets, and of values whose keys are called as secrets are.
    pub(crate) fn shown(&self, text: &str) -> String {
        let all = Span::new(0, self.text.text.len());
        let put_in =
            self.text.values_in(all).map(|(value, place)| (&self.written[place.start..place.end], value));
        let mut secrets: Vec<&str> =
            put_in.filter(|(key, _)| is_secret_name(key)).map(|(_, value)| value).collect();
        for (key, value) in self.service.iter().flat_map(|service| &service.values) {
            gather_secrets(value, is_secret_name(key), &mut secrets);
        }
        // Shorter values are no secrets, and parts of ordinary words.
        secrets.retain(|secret| secret.len() >= 4);
        // One may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(self.words.hide(text), |text, secret| text.replace(secret, "***"))
    }

    /// An error at a place of the text that was parsed, shown in the file as it is written.
    pub(crate) fn wrong(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        let message = with_references(&self.written, &self.text, span, message.into());
        Diagnostic::new(&self.name, &self.written, self.text.place(span), self.shown(&message))
    }
}

/// The texts in a value that is a secret, or whose parts are called as secrets are.
fn gather_secrets<'v>(value: &'v Value, is_secret: bool, secrets: &mut Vec<&'v str>) {
    match value {
        Value::Str(text) if is_secret => secrets.push(text),
        Value::List(items) => items.iter().for_each(|item| gather_secrets(item, is_secret, secrets)),
        Value::Dict(pairs) => {
            for (key, value) in pairs {
                let named = matches!(key, Value::Str(key) if is_secret_name(key));
                gather_secrets(value, is_secret || named, secrets);
            }
        }
        _ => {}
    }
}

/// A message with the references that the file has in the place of what they stand for.
fn with_references(written: &str, text: &Substituted, span: Span, mut message: String) -> String {
    // Shorter values are no secrets, and parts of ordinary words.
    for (value, reference) in text.values_in(span).filter(|(value, _)| value.len() >= 4) {
        message = message.replace(value, &written[reference.start..reference.end]);
    }
    message
}
