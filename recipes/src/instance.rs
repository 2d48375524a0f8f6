//! The values of one instance: what its operator answered, what the repository has written down, what a question takes
//! without an answer.

use std::collections::BTreeMap;

use ays_grammar::hrd::{Ask, AskKind, Hrd, Value};
use ays_grammar::{Diagnostic, Span};
use ays_model::is_secret_name;
use ays_secrets::SecretName;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::answers::Answers;
use crate::question::{AnswerError, Question};
use crate::recipe_error::RecipeError;
use crate::secrets::{SECRET, Secrets};
use crate::text::Text;
use crate::value::{scalar, short};
use crate::written::Written;

/// The values of an instance, `instance.*` without the prefix, keys in lower case.
#[derive(Default)]
pub(crate) struct InstanceValues {
    values: BTreeMap<String, String>,
    /// Keys whose values are not to be seen, and what each that an operator gave is called in the store.
    hidden: BTreeMap<String, Vec<SecretName>>,
}

/// The questions of a template (its `instance.hrd`) that neither the operator nor the repository answers.
pub(crate) fn open_questions(
    template: &Hrd,
    answers: &Answers,
    written: &Written,
) -> Result<Vec<Question>, RecipeError> {
    let mut open = Vec::new();
    for entry in &template.entries {
        let key = short(&entry.key);
        if let Value::Ask(ask) = &entry.value
            && answers.get(&key).is_none()
            && written.get(&key)?.is_none()
        {
            open.push(Question { key, ask: ask.clone() });
        }
    }
    Ok(open)
}

impl InstanceValues {
    /// Answers every question of `template` (its `instance.hrd`), the operator's answers first, then what the
    /// repository's own instance file says, then the default. `kept_as` says what the store calls the secret that answers a
    /// key.
    pub fn resolve(
        (template, text): &(Hrd, Text),
        answers: &Answers,
        written: &Written,
        kept_as: &dyn Fn(&str) -> Result<Vec<SecretName>, RecipeError>,
    ) -> Result<Self, RecipeError> {
        let wrong = |span, error: &AnswerError| at(text, span, error);
        let (mut all, mut missing, mut first) = (Self::default(), Vec::new(), None);
        for entry in &template.entries {
            let key = short(&entry.key);
            let given = match answers.get(&key) {
                Some(answer) => Some(answer.to_owned()),
                None => written.get(&key)?,
            };
            let value = match &entry.value {
                Value::Ask(ask) => {
                    let question = Question { key: key.clone(), ask: ask.clone() };
                    if question.is_secret() {
                        all.hidden.insert(key.clone(), Vec::new());
                    }
                    let Some(answer) = given.or_else(|| ask.default.clone()) else {
                        first.get_or_insert(entry.key_span);
                        missing.push(question);
                        continue;
                    };
                    question.check(&answer).map_err(|error| wrong(entry.key_span, &error))?;
                    // AYS allowed text before the question; it stays in front of the answer.
                    Some(format!("{}{answer}", ask.prefix))
                }
                value => given.or_else(|| scalar(value)),
            };
            all.values.extend(value.map(|value| (key, value)));
        }
        if let Some(span) = first {
            return Err(wrong(span, &AnswerError::Missing(missing)).into());
        }
        for (key, value) in answers.all() {
            all.values.insert(key.to_owned(), value.to_owned());
            if all.hidden.contains_key(key) || is_secret_name(key) {
                all.hidden.insert(key.to_owned(), kept_as(key)?);
            }
        }
        Ok(all)
    }

    /// The values where no operator was asked: those of the file and of defaults. Beside them the questions that only
    /// an operator can answer, each with an answer that it could have, and those whose default is none.
    pub fn unasked((template, text): &(Hrd, Text)) -> (Self, BTreeMap<String, String>, Vec<Diagnostic>) {
        let (mut all, mut open, mut wrong) = (Self::default(), BTreeMap::new(), Vec::new());
        for entry in &template.entries {
            let key = short(&entry.key);
            let Value::Ask(ask) = &entry.value else {
                all.values.extend(scalar(&entry.value).map(|value| (key, value)));
                continue;
            };
            let question = Question { key: key.clone(), ask: ask.clone() };
            let checked =
                ask.default.as_deref().map(|default| question.check_type(default).map(|()| default));
            match checked {
                Some(Ok(default)) if !default.is_empty() => {
                    all.values.insert(key, format!("{}{default}", ask.prefix));
                    continue;
                }
                Some(Err(error)) => wrong.push(at(text, entry.key_span, &error)),
                Some(Ok(_)) | None => {}
            }
            open.insert(key, example(ask));
        }
        (all, open, wrong)
    }

    /// The keys that have values.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// A value; a word stands for one that is not to be seen.
    pub fn get(&self, key: &str, secrets: &Secrets<'_>) -> Option<String> {
        let value = self.values.get(key)?;
        let refers = value.to_lowercase().contains(&format!("$({SECRET}"));
        match self.hidden.get(key) {
            Some(names) if !value.is_empty() && !refers => {
                let secret = SecretString::from(value.as_str());
                Some(secrets.hide(format!("$(instance.{key})"), secret, names.clone()))
            }
            _ => Some(value.clone()),
        }
    }

    /// One SHA-256 over all keys and values: changed answers make an install do its work again. The catalogue keeps this
    /// and never the answers. Of secrets only the keys count: a digest of a password can be guessed, and a password that
    /// was changed makes no other image.
    pub fn digest(&self) -> ays_model::Sha256 {
        let mut sha256 = Sha256::new();
        for (key, value) in &self.values {
            let value = if self.hidden.contains_key(key) || is_secret_name(key) { "" } else { value };
            for text in [key, value] {
                sha256.update((text.len() as u64).to_be_bytes());
                sha256.update(text);
            }
        }
        ays_model::Sha256(sha256.finalize().into())
    }
}

/// An error in the template's file.
fn at(text: &Text, span: Span, error: &AnswerError) -> Diagnostic {
    let file = String::from_utf8_lossy(&text.bytes);
    let diagnostic = Diagnostic::new(&text.name, &file, span, error.to_string());
    match error {
        AnswerError::Regex { source, .. } => diagnostic.with_help(source.to_string()),
        _ => diagnostic,
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
