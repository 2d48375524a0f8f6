//! What a numbered entry of `service.hrd` says, field by field.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{Entry, Item, Value};

use crate::secrets::{self, Secrets};
use crate::text::Text;

/// An entry's pairs, with what `$(..)` in them stands for.
pub(crate) struct Fields<'a> {
    pub entry: &'a Entry,
    pub file: &'a Text,
    pub pairs: &'a [(String, Item)],
    pub substitute: &'a dyn Fn(&str) -> String,
    pub secrets: &'a Secrets<'a>,
}

impl<'a> Fields<'a> {
    /// Those of an entry that must have pairs; `example` says which.
    pub fn of(
        entry: &'a Entry,
        file: &'a Text,
        substitute: &'a dyn Fn(&str) -> String,
        secrets: &'a Secrets<'a>,
        example: &str,
    ) -> Result<Self, Diagnostic> {
        match &entry.value {
            Value::Dict(pairs) => Ok(Self { entry, file, pairs, substitute, secrets }),
            _ => Err(file
                .diagnostic(entry.key_span, format!("`{}`: expected pairs such as `{example}`", entry.key))),
        }
    }

    /// An error of the entry. The key is shown, not the value: that may hold a password.
    pub fn wrong(&self, message: impl std::fmt::Display) -> Diagnostic {
        self.file.diagnostic(self.entry.key_span, format!("`{}`: {message}", self.entry.key))
    }

    /// A field's value.
    pub fn item(&self, name: &str) -> Option<&'a Item> {
        self.pairs.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, item)| item)
    }

    /// A field's text as a shell reads it: what has no value stays as it stands, and a word stands for a secret.
    pub fn raw(&self, name: &str) -> Result<Option<String>, Diagnostic> {
        let text = match self.item(name) {
            Some(Item::String(text)) => (self.substitute)(text),
            Some(Item::Int(number)) => number.to_string(),
            Some(Item::Float(number)) => number.to_string(),
            Some(Item::List(_)) => return Err(self.wrong(format!("`{name}` must be text"))),
            None => return Ok(None),
        };
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// A field's text, in which everything has a value; a word stands for a secret.
    pub fn hidden(&self, name: &str) -> Result<Option<String>, Diagnostic> {
        let Some(text) = self.raw(name)? else { return Ok(None) };
        let Some(at) = text.find("$(") else { return Ok(Some(text)) };
        let reference: String = text[at..].chars().take_while(|c| *c != ')').chain([')']).collect();
        let without_value = self.wrong(format!("`{name}` holds {reference}, which has no value"));
        Err(match secrets::missing(&text) {
            Some((_, secret)) => without_value.with_help(secrets::how_to_keep(secret)),
            None => without_value,
        })
    }

    /// A field's text, which may be shown.
    pub fn text(&self, name: &str) -> Result<Option<String>, Diagnostic> {
        let Some(text) = self.hidden(name)? else { return Ok(None) };
        match self.secrets.words().within(&text) {
            Some(secret) => Err(self.wrong(format!("`{name}` holds {secret}, which would be shown"))),
            None => Ok(Some(text)),
        }
    }

    /// The same, which must be there.
    pub fn needed(&self, name: &str) -> Result<String, Diagnostic> {
        self.text(name)?.ok_or_else(|| self.wrong(format!("`{name}` is missing")))
    }

    /// `true` or `false`, in any case.
    pub fn flag(&self, name: &str) -> Result<bool, Diagnostic> {
        match self.text(name)?.map(|text| text.to_lowercase()).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(self.wrong(format!("`{name}` is neither true nor false"))),
        }
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Diagnostic> {
        let parsed = self.text(name)?.map(|text| text.parse::<i64>());
        parsed.transpose().map_err(|_| self.wrong(format!("`{name}` must be a whole number")))
    }

    /// Seconds.
    pub fn seconds(&self, name: &str, default: Duration) -> Result<Duration, Diagnostic> {
        let Some(number) = self.number(name)? else { return Ok(default) };
        let seconds = u64::try_from(number).ok().filter(|seconds| *seconds <= 24 * 3600);
        seconds
            .map(Duration::from_secs)
            .ok_or_else(|| self.wrong(format!("`{name}` must be seconds of a day")))
    }

    /// A list: items, or a text with commas or semicolons, in brackets or without.
    pub fn list(&self, name: &str) -> Result<Vec<String>, Diagnostic> {
        let text = match self.item(name) {
            Some(Item::List(items)) => {
                let text = |item: &Item| match item {
                    Item::String(text) => Some((self.substitute)(text)),
                    Item::Int(number) => Some(number.to_string()),
                    Item::Float(_) | Item::List(_) => None,
                };
                let texts: Option<Vec<_>> = items.iter().map(text).collect();
                texts.ok_or_else(|| self.wrong(format!("`{name}` must be a plain list")))?.join(",")
            }
            _ => self.text(name)?.unwrap_or_default(),
        };
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        let items = text.split([',', ';']).map(|item| item.trim().trim_matches(['\'', '"']).to_owned());
        Ok(items.filter(|item| !item.is_empty()).collect())
    }

    /// An absolute path of the node.
    pub fn path(&self, name: &str) -> Result<Option<PathBuf>, Diagnostic> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        absolute(&text).map(Some).map_err(|problem| self.wrong(format!("`{name}` {problem}")))
    }
}

/// An absolute path of a node, which a slash may end.
pub(crate) fn absolute(text: &str) -> Result<PathBuf, &'static str> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err("must be an absolute path");
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err("must not contain `..`");
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    Ok(path.components().filter(|part| *part != Component::CurDir).collect())
}
