//! What is found: a mistake, its place, and what to do about it.

use ays_grammar::Diagnostic;
use serde::Serialize;

use crate::codes::Code;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It stops an install, or must not be in a repository.
    Error,
    /// It is most likely not what was meant.
    Warning,
}

/// A mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What `ays explain` describes.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file, from the environment's root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong. It holds no secret.
    pub message: String,
    /// What to do about it.
    pub cure: String,
    /// The line with a caret under the place, without secrets; none where a file or directory as a whole is meant.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

impl Finding {
    /// At a place of a text.
    pub(crate) fn at(code: &'static Code, place: &Diagnostic) -> Self {
        Self {
            code: code.name,
            severity: code.severity,
            file: place.file().to_owned(),
            line: place.line(),
            column: place.column(),
            message: place.message().to_owned(),
            cure: place.help().unwrap_or(code.cure).to_owned(),
            excerpt: Some(place.excerpt()),
        }
    }

    /// Of a whole file.
    pub(crate) fn of_file(code: &'static Code, file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.name,
            severity: code.severity,
            file: file.into(),
            line: 1,
            column: 1,
            message: message.into(),
            cure: code.cure.to_owned(),
            excerpt: None,
        }
    }
}
