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
        let own =
            self.service.iter().flat_map(|service| &service.values).filter_map(|(key, value)| match value {
                Value::Str(value) => Some((key.as_str(), value.as_str())),
                _ => None,
            });
        let mut shown = self.words.hide(text);
        // Shorter values are no secrets, and parts of ordinary words.
        for (_, value) in put_in.chain(own).filter(|(key, value)| value.len() >= 4 && is_secret_name(key)) {
            shown = shown.replace(value, "***");
        }
        shown
    }

    /// An error at a place of the text that was parsed, shown in the file as it is written.
    pub(crate) fn wrong(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        as_written(&self.name, &self.written, &self.text, span, message)
    }
}

/// An error at a place of the text that was parsed, shown in the file as it is written.
pub(crate) fn as_written(
    name: &str,
    written: &str,
    text: &Substituted,
    span: Span,
    message: impl Into<String>,
) -> Diagnostic {
    let mut message = message.into();
    // Shorter values are no secrets, and parts of ordinary words.
    for (value, reference) in text.values_in(span).filter(|(value, _)| value.len() >= 4) {
        message = message.replace(value, &written[reference.start..reference.end]);
    }
    Diagnostic::new(name, written, text.place(span), message)
}
