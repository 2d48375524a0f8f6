//! The values of one instance: what `--data` says, what the repository has written down, what a question
//! takes without an answer.

use std::collections::BTreeMap;

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{Ask, AskKind, Hrd, Item, Value};
use sha2::{Digest, Sha256};

use crate::template::{Text, hex};

/// Why `--data` cannot be read. The texts that are named hold no value: it may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A part without a key.
    #[error(
        "--data: part {0} is not `key:value` (parts are parted by spaces) or `key=value` (parted by `#`)"
    )]
    NoKey(usize),
    /// A quote that does not end.
    #[error("--data: a quote is not closed")]
    OpenQuote,
}

/// Why a question of a recipe has no answer that it can take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No answer and no default.
    #[error("`{key}` has no answer and no default: give it with --data '{key}:VALUE'")]
    Missing {
        /// The key.
        key: String,
    },
    /// Not of the question's type.
    #[error("the answer for `{key}` must be {expected}")]
    Type {
        /// The key.
        key: String,
        /// What it must be.
        expected: String,
    },
}

/// What an operator gave with `--data`: keys in lower case, without `instance.`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<String, String>);

impl Answers {
    /// Reads `k:v k2:v2` or `k=v # k2=v2`; values may be quoted with `'`.
    pub fn parse(data: &str) -> Result<Self, DataError> {
        let first = data.find([':', '=']).map(|at| data.as_bytes()[at]);
        let by_spaces = first != Some(b'=');
        let mut answers = BTreeMap::new();
        for (index, part) in
            split(data, |c| if by_spaces { c.is_whitespace() } else { c == '#' })?.iter().enumerate()
        {
            let (key, value) =
                part.split_once(if by_spaces { ':' } else { '=' }).ok_or(DataError::NoKey(index + 1))?;
            let key = key.trim().to_lowercase();
            let key = key.strip_prefix("instance.").unwrap_or(&key);
            if key.is_empty() {
                return Err(DataError::NoKey(index + 1));
            }
            let value = value.trim();
            let value = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value);
            answers.insert(key.to_owned(), value.to_owned());
        }
        Ok(Self(answers))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Parts of a text between separators that are not inside quotes; empty parts are left out.
fn split(text: &str, separator: impl Fn(char) -> bool) -> Result<Vec<&str>, DataError> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            c if !quoted && separator(c) => {
                parts.push(text[start..at].trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if quoted {
        return Err(DataError::OpenQuote);
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    Ok(parts)
}

/// The values of an instance, `instance.*` without the prefix, keys in lower case.
#[derive(Clone, Default)]
pub(crate) struct InstanceValues(BTreeMap<String, String>);

impl InstanceValues {
    /// Answers every question of `template` (its `instance.hrd`), the operator's answers first, then what the
    /// repository's own instance file says, then the default.
    pub fn resolve(
        (template, text): &(Hrd, Text),
        answers: &Answers,
        written: Option<&Hrd>,
    ) -> Result<Self, Diagnostic> {
        let written = |key: &str| {
            let value = &written?.get(&format!("instance.{key}"))?.value;
            scalar(value)
        };
        let mut values = BTreeMap::new();
        for entry in &template.entries {
            let key = entry.key.to_lowercase();
            let key = key.strip_prefix("instance.").unwrap_or(&key);
            let given = answers.get(key).map(str::to_owned).or_else(|| written(key));
            let value = match &entry.value {
                Value::Ask(ask) => Some(answer(key, ask, given).map_err(|error| {
                    let file = String::from_utf8_lossy(&text.bytes);
                    Diagnostic::new(&text.name, &file, entry.key_span, error.to_string())
                })?),
                value => given.or_else(|| scalar(value)),
            };
            values.extend(value.map(|value| (key.to_owned(), value)));
        }
        for (key, value) in &answers.0 {
            values.insert(key.clone(), value.clone());
        }
        Ok(Self(values))
    }

    /// The values where no operator was asked: those of the file and of defaults. Beside them the questions that only
    /// an operator can answer, each with an answer that it could have, and those whose default is none.
    pub fn unasked((template, text): &(Hrd, Text)) -> (Self, BTreeMap<String, String>, Vec<Diagnostic>) {
        let (mut values, mut open, mut wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for entry in &template.entries {
            let key = entry.key.to_lowercase();
            let key = key.strip_prefix("instance.").unwrap_or(&key);
            let Value::Ask(ask) = &entry.value else {
                values.extend(scalar(&entry.value).map(|value| (key.to_owned(), value)));
                continue;
            };
            match answer(key, ask, None) {
                Ok(value) if !value.is_empty() => _ = values.insert(key.to_owned(), value),
                Ok(_) | Err(AnswerError::Missing { .. }) => _ = open.insert(key.to_owned(), example(ask)),
                Err(error) => {
                    let file = String::from_utf8_lossy(&text.bytes);
                    wrong.push(Diagnostic::new(&text.name, &file, entry.key_span, error.to_string()));
                    open.insert(key.to_owned(), example(ask));
                }
            }
        }
        (Self(values), open, wrong)
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// One SHA-256 over all keys and values: changed answers make an install do its work again. The catalogue
    /// keeps this and never the answers, which may be passwords.
    pub fn digest(&self) -> String {
        let mut sha256 = Sha256::new();
        for text in self.0.iter().flat_map(|(key, value)| [key, value]) {
            sha256.update((text.len() as u64).to_be_bytes());
            sha256.update(text);
        }
        hex(&sha256.finalize())
    }
}

/// A value as `$(..)` puts it into a text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::List(items) => items
            .iter()
            .map(|item| match item {
                Item::String(text) => Some(text.clone()),
                Item::Int(number) => Some(number.to_string()),
                Item::Float(number) => Some(number.to_string()),
                Item::List(_) => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(", ")),
        Value::Dict(_) | Value::Ask(_) | Value::Bytes(_) => None,
    }
}

/// An answer that a question could have.
fn example(ask: &Ask) -> String {
    match ask.kind {
        AskKind::Int | AskKind::Float => ask.min_value.or(ask.max_value).unwrap_or(100.0).to_string(),
        AskKind::Bool => "true".to_owned(),
        _ => ask.choices.first().cloned().unwrap_or_else(|| "example".to_owned()),
    }
}

fn answer(key: &str, ask: &Ask, given: Option<String>) -> Result<String, AnswerError> {
    let answer =
        given.or_else(|| ask.default.clone()).ok_or_else(|| AnswerError::Missing { key: key.to_owned() })?;
    let expected = |expected: String| Err(AnswerError::Type { key: key.to_owned(), expected });
    match ask.kind {
        AskKind::Int if answer.trim().parse::<i64>().is_err() => {
            return expected("a whole number".to_owned());
        }
        AskKind::Float if answer.trim().parse::<f64>().is_err() => return expected("a number".to_owned()),
        AskKind::Bool if !matches!(&*answer.trim().to_lowercase(), "true" | "false" | "1" | "0") => {
            return expected("true or false".to_owned());
        }
        AskKind::Dropdown if !ask.choices.is_empty() && !ask.choices.contains(&answer) => {
            return expected(format!("one of {}", ask.choices.join(", ")));
        }
        _ => {}
    }
    if let Ok(number) = answer.trim().parse::<f64>() {
        if let Some(least) = ask.min_value.filter(|least| number < *least) {
            return expected(format!("at least {least}"));
        }
        if let Some(most) = ask.max_value.filter(|most| number > *most) {
            return expected(format!("at most {most}"));
        }
    }
    // AYS allowed text before the question; it stays in front of the answer.
    Ok(format!("{}{answer}", ask.prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(answers: &Answers) -> Vec<(&str, &str)> {
        answers.0.iter().map(|(key, value)| (&**key, &**value)).collect()
    }

    #[test]
    fn both_forms_of_data_are_read() {
        let colons = Answers::parse("instance.Size:10 name:'a b:c'  url:http://x").unwrap();
        assert_eq!(pairs(&colons), [("name", "a b:c"), ("size", "10"), ("url", "http://x")]);
        let equals = Answers::parse("k=v with spaces # k2='#2'#").unwrap();
        assert_eq!(pairs(&equals), [("k", "v with spaces"), ("k2", "#2")]);
        assert_eq!(pairs(&Answers::parse("").unwrap()), []);
    }

    #[test]
    fn a_wrong_part_is_named_by_its_number_never_by_its_text() {
        assert_eq!(Answers::parse("a:1 hunter2"), Err(DataError::NoKey(2)));
        assert_eq!(Answers::parse(":x"), Err(DataError::NoKey(1)));
        assert_eq!(Answers::parse("a:'x"), Err(DataError::OpenQuote));
        assert_eq!(format!("{:?}", Answers::parse("pw:hunter2").unwrap()), r#"{"pw"}"#);
    }
}
