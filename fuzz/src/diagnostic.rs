//! An error in a text.

use ays_grammar::Diagnostic;

/// What holds of every error: `text` is what it is about.
pub(crate) fn check(error: &Diagnostic, text: &str) {
    let span = error.span();
    assert!(text.get(span.start..span.end).is_some(), "{span:?} is no part of the text");
    let before = &text[..span.start];
    assert_eq!(error.line(), 1 + before.matches('\n').count(), "the line");
    let line = before.rsplit('\n').next().unwrap_or_default();
    assert_eq!(error.column(), 1 + line.chars().count(), "the column");
    let shown = error.to_string();
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "a terminal would obey {shown:?}");
    let others = error.file().len() + error.message().len() + error.help().unwrap_or_default().len();
    assert!(shown.len() < others + 2048, "{} bytes are shown", shown.len());
}
