//! What is looked at in every HRD file, whatever it is for.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ays_grammar::hrd::{self, Hrd};
use ays_grammar::{Diagnostic, Span};
use ays_recipes::Text;

use crate::codes::{HRD_SYNTAX, KEY_TWICE, MISSING_COMMA, UNREADABLE};
use crate::pairs::pairs;
use crate::{Finding, questions, secrets};

/// An error at a place of a file.
pub(crate) fn at(text: &Text, span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&text.name, &String::from_utf8_lossy(&text.bytes), span, message)
}

/// A part of a file.
pub(crate) fn part(text: &Text, span: Span) -> &str {
    text.bytes.get(span.start..span.end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Where `needle` stands within a part of a file; the part itself where it does not.
pub(crate) fn within(text: &Text, span: Span, needle: &str) -> Span {
    match part(text, span).find(needle) {
        Some(at) => Span::new(span.start + at, span.start + at + needle.len()),
        None => span,
    }
}

/// A file by itself.
pub(crate) fn lint_file(path: &Path) -> Vec<Finding> {
    let name = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![Finding::of_file(&UNREADABLE, name, format!("it cannot be read: {error}"))];
        }
    };
    match hrd::parse(&name, &bytes).and_then(|hrd| hrd.resolve(&name, &bytes)) {
        Ok(hrd) => lint(&hrd, &Text { name, bytes }),
        Err(error) => vec![Finding::at(&HRD_SYNTAX, &error)],
    }
}

/// A file that was read.
pub(crate) fn lint(hrd: &Hrd, text: &Text) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut places = HashMap::new();
    for entry in &hrd.entries {
        if let Some(before) = places.insert(entry.key.to_lowercase(), entry.key_span) {
            let line = at(text, before, "").line();
            let message =
                format!("`{}` is given twice: this one counts, the one in line {line} does not", entry.key);
            found.push(Finding::at(&KEY_TWICE, &at(text, entry.key_span, message)));
        }
        let mut names = HashSet::new();
        for pair in pairs(text, entry) {
            if pair.is_glued {
                let message =
                    format!("no comma stands before `{}`, so it is a part of the value above", pair.name);
                found.push(Finding::at(&MISSING_COMMA, &at(text, pair.span, message)));
            } else if !names.insert(pair.name) {
                let message = format!("`{}` is given twice in `{}`; this one counts", pair.name, entry.key);
                found.push(Finding::at(&KEY_TWICE, &at(text, pair.span, message)));
            }
        }
        found.extend(questions::lint(entry, text));
        found.extend(secrets::in_addresses(text, entry.value_span));
    }
    found
}
