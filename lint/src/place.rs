//! Places in a file.

use ays_grammar::{Diagnostic, Span};
use ays_recipes::Text;

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
