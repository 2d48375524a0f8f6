//! A template as an install would read it, but all of it, after errors too, and without an operator's answers.

use std::cell::Cell;
use std::collections::BTreeMap;

use ays_actions::Script;
use ays_grammar::hrd::{self, Hrd, Substituted};
use ays_grammar::{Diagnostic, Span};
use ays_model::Download;

use crate::export;
use crate::instance::InstanceValues;
use crate::recipe;
use crate::recipe_error::RecipeError;
use crate::secrets::{self, Secrets};
use crate::settings::Settings;
use crate::signing_keys::SigningKeys;
use crate::template::Template;
use crate::text::Text;
use crate::values::{MOST, Values};

/// What is taken of a `$(key)` that neither the template nor the settings know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It has no value: the settings are those of the environment.
    HasNone,
    /// It may have one elsewhere.
    MayHaveOne,
}

/// What was read of a template. Each part is there, or says why it is not.
#[derive(Debug)]
pub struct Examined {
    /// `service.hrd`.
    pub service: Result<(Hrd, Text), RecipeError>,
    /// `instance.hrd`.
    pub instance: Result<(Hrd, Text), RecipeError>,
    /// Questions whose default is no answer.
    pub wrong_defaults: Vec<Diagnostic>,
    /// `web.export`, in numeric order; none for one that only an operator's answers could tell.
    pub downloads: Vec<Option<Result<Download, Diagnostic>>>,
    /// `platform.supported`; empty: all.
    pub platforms: Result<Vec<String>, Diagnostic>,
    /// `actions.py`, where there is one.
    pub actions: Option<Result<Actions, RecipeError>>,
    /// Whether it is more than a file that is fetched.
    pub is_service: bool,
    /// What is wrong with that.
    pub wrong_parts: Option<Diagnostic>,
}

/// An `actions.py`.
#[derive(Debug)]
pub struct Actions {
    /// As written.
    pub text: Text,
    /// As parsed.
    pub script: Result<Script, Diagnostic>,
    /// Where a `$(key)` stands that has no value.
    pub unresolved: Vec<Span>,
}

impl Template {
    /// Reads everything that an install would read.
    pub fn examine(&self, settings: &Settings, keys: &SigningKeys, unknown: Unknown) -> Examined {
        let (service, instance) = (self.service(), self.instance());
        let (values, open, wrong_defaults) =
            instance.as_ref().map(InstanceValues::unasked).unwrap_or_default();
        let nothing = Hrd::default();
        let file = service.as_ref().map_or(&nothing, |(hrd, _)| hrd);
        let is_service = recipe::is_service(file);
        // AYS knew more values than there are here.
        let unknown = if is_service { Unknown::MayHaveOne } else { unknown };
        let left = Cell::new(MOST);
        let secrets = Secrets::assumed();
        let values = Values { service: file, instance: &values, settings, secrets: &secrets, left };
        let lookup = Lookup { values: &values, open: &open, unknown, guessed: Cell::new(false) };
        let open_is_empty = open.is_empty();
        let (mut downloads, mut wrong_parts) = (Vec::new(), None);
        let mut platforms = Ok(Vec::new());
        if let Ok((hrd, text)) = &service {
            for (_, entry) in hrd.numbered("web.export") {
                lookup.guessed.set(false);
                let fill = |text: &str| lookup.fill(text);
                let download = export::read(entry, text, &fill, &secrets, settings, keys);
                downloads.push(Some(download).filter(|download| download.is_ok() || !lookup.guessed.get()));
            }
            platforms = recipe::platforms(hrd, text, &|text| lookup.fill(text));
            lookup.guessed.set(false);
            let parts = recipe::parts(hrd, text, &|text| lookup.fill(text), &secrets, settings);
            wrong_parts = parts.err().filter(|_| !lookup.guessed.get() && open_is_empty);
        }
        let read = downloads.iter().filter_map(|download| download.as_ref()?.as_ref().ok());
        let dests: Vec<_> = read.map(|download| download.dest.clone()).collect();
        let actions = self.actions().transpose().map(|text| {
            let text = text?;
            let source = text.utf8()?;
            let script = secrets::script(&text.name, source, &|key| lookup.get(key), &secrets, dests);
            let mark = Substituted::new(source, &|key| lookup.get(key).is_none().then(|| "?".to_owned()));
            let unresolved = mark.values_in(Span::new(0, mark.text.len())).map(|(_, place)| place).collect();
            Ok(Actions { script, unresolved, text })
        });
        Examined { service, instance, wrong_defaults, downloads, platforms, actions, is_service, wrong_parts }
    }
}

struct Lookup<'a> {
    values: &'a Values<'a>,
    /// What questions that only an operator can answer could be answered.
    open: &'a BTreeMap<String, String>,
    unknown: Unknown,
    /// Whether a text begins with an example.
    guessed: Cell<bool>,
}

impl Lookup<'_> {
    fn get(&self, key: &str) -> Option<String> {
        self.values.get(key).or_else(|| self.example(key))
    }

    fn example(&self, key: &str) -> Option<String> {
        let open = self.open.get(key.strip_prefix("instance.").unwrap_or(key)).cloned();
        let elsewhere = self.unknown == Unknown::MayHaveOne && !key.starts_with("instance.");
        open.or_else(|| elsewhere.then(|| "example".to_owned()))
    }

    /// A text with everything put in.
    fn fill(&self, text: &str) -> String {
        let text = hrd::substitute(text, &|key| self.values.get(key));
        let filled = hrd::substitute(&text, &|key| self.example(key));
        // An example can stand for a name in an address or a path, hardly for the beginning of one.
        if text.starts_with("$(") && filled != text {
            self.guessed.set(true);
        }
        filled
    }
}
