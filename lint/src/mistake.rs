//! A mistake of a recipe, a node's file or the settings: a finding and its place.

use ays_grammar::Diagnostic;
use ays_model::Finding;
use serde::Serialize;

use crate::codes::Code;

/// A finding at a place of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// What it is; `ays explain` describes its code.
    #[serde(flatten)]
    pub finding: Finding,
    /// The file, from the environment's root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line with a caret under the place, without secrets; none where a file or directory as a whole is meant.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

impl Mistake {
    /// At a place of a text.
    pub(crate) fn at(code: &'static Code, place: &Diagnostic) -> Self {
        let cure = place.help().unwrap_or(code.cure);
        Self {
            finding: finding(code, place.message(), cure),
            file: place.file().to_owned(),
            line: place.line(),
            column: place.column(),
            excerpt: Some(place.excerpt()),
        }
    }

    /// Of a whole file.
    pub(crate) fn of_file(code: &'static Code, file: impl Into<String>, message: impl Into<String>) -> Self {
        let finding = finding(code, message, code.cure);
        Self { finding, file: file.into(), line: 1, column: 1, excerpt: None }
    }
}

fn finding(code: &'static Code, message: impl Into<String>, cure: &str) -> Finding {
    Finding { code: code.name, severity: code.severity, message: message.into(), cure: cure.to_owned() }
}
