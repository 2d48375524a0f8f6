//! `dependencies.N`: a service that another one needs.

use ays_grammar::hrd::{Entry, Hrd, Item, Value};
use ays_grammar::{Diagnostic, Span};
use ays_model::{InstanceName, TemplateName};

use crate::answers::Answers;
use crate::fields::Fields;
use crate::process::is_empty;
use crate::secrets::Secrets;
use crate::text::Text;

/// What a dependency is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeededFor {
    /// The service does not run without it.
    Running,
    /// The service cannot be built without it (`type:build`).
    Building,
}

/// A service that another one needs.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// Its template.
    pub template: TemplateName,
    /// Its instance.
    pub instance: InstanceName,
    /// The answers that it is given.
    pub answers: Answers,
    /// What it is needed for.
    pub needed_for: NeededFor,
    /// Where the recipe says so.
    place: (Text, Span),
}

impl Dependency {
    /// An error where the recipe names it.
    pub(crate) fn wrong(&self, message: impl Into<String>) -> Diagnostic {
        let (file, span) = &self.place;
        file.diagnostic(*span, message.into())
    }
}

/// The services that a service needs, in numeric order.
pub(crate) fn read(
    service: &Hrd,
    file: &Text,
    substitute: &dyn Fn(&str) -> String,
    secrets: &Secrets<'_>,
) -> Result<Vec<Dependency>, Diagnostic> {
    let entries = service.numbered("dependencies").into_iter().filter(|(_, entry)| !is_empty(entry));
    entries.map(|(_, entry)| one(entry, service, file, substitute, secrets)).collect()
}

fn one(
    entry: &Entry,
    service: &Hrd,
    file: &Text,
    substitute: &dyn Fn(&str) -> String,
    secrets: &Secrets<'_>,
) -> Result<Dependency, Diagnostic> {
    let name = [("name".to_owned(), Item::String(String::new()))];
    let (pairs, named) = match &entry.value {
        // A text is the template's name.
        Value::String(text) => (&name[..], Some(text)),
        Value::Dict(pairs) => (&pairs[..], None),
        _ => (&[][..], None),
    };
    let fields = Fields { entry, file, pairs, substitute, secrets };
    let template = match named {
        Some(text) => substitute(text).trim().to_owned(),
        None => fields.needed("name")?,
    };
    let needed_for = match fields.text("type")?.map(|kind| kind.to_lowercase()).as_deref() {
        None => NeededFor::Running,
        Some("build") => NeededFor::Building,
        Some(_) => return Err(fields.wrong("`type` is not known: leave it out, or write `build`")),
    };
    Ok(Dependency {
        template: template.into(),
        instance: fields.text("instance")?.unwrap_or_else(|| "main".to_owned()).into(),
        answers: arguments(&fields, service)?,
        needed_for,
        place: (file.clone(), entry.key_span),
    })
}

/// `args`: the name of a key that holds pairs, or the pairs themselves.
fn arguments(fields: &Fields<'_>, service: &Hrd) -> Result<Answers, Diagnostic> {
    let mut answers = Answers::default();
    let Some(text) = fields.raw("args")? else { return Ok(answers) };
    match service.get(&text).map(|entry| &entry.value) {
        Some(Value::Dict(pairs)) => {
            for (key, item) in pairs {
                let value = match item {
                    Item::String(text) => (fields.substitute)(text),
                    Item::Int(number) => number.to_string(),
                    Item::Float(number) => number.to_string(),
                    Item::List(_) => return Err(fields.wrong(format!("`{text}`: `{key}` must be text"))),
                };
                answers.give(key, fields.secrets.for_recipes(&value));
            }
        }
        Some(_) => return Err(fields.wrong(format!("`args` names `{text}`, which holds no pairs"))),
        None if text.contains([':', '=']) => {
            for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
                let (key, value) = part.split_once([':', '=']).ok_or_else(|| {
                    fields.wrong("`args` must be pairs, or the name of a key that holds some")
                })?;
                answers.give(key.trim(), fields.secrets.for_recipes(value.trim()));
            }
        }
        None => return Err(fields.wrong(format!("`args` names `{text}`, and there is no such key"))),
    }
    Ok(answers)
}
