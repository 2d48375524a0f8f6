//! An error in a text, shown with its line and a caret under the place.

use std::fmt;

use ays_model::{is_secret_name, logins};

use crate::Span;

/// How many characters of a line are shown before and after the caret: a line may be megabytes long.
const WINDOW: usize = 60;

/// What is wrong with a text, and where.
///
/// `Display` prints `file:line:column: message`, the line with a caret under the place, and the help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic(Box<Details>);

/// Behind a pointer, so that a result is not made large by the error that it mostly does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    file: String,
    span: Span,
    line: usize,
    column: usize,
    message: String,
    help: Option<String>,
    excerpt: String,
    caret: usize,
    caret_width: usize,
}

impl Diagnostic {
    /// An error at `span` of `text`; spans outside the text, or inside a character, are moved into place.
    pub fn new(file: &str, text: &str, span: Span, message: impl Into<String>) -> Self {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
        let bytes = text.as_bytes();
        let line_start = bytes[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line = 1 + bytes[..line_start].iter().filter(|&&byte| byte == b'\n').count();
        let before = &text[line_start..start];
        let after = text[start..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let marked = after.len().min(end - start);

        let clipped_before = tail(before, WINDOW);
        let clipped_after = head(after, WINDOW);
        let mut excerpt = String::new();
        if clipped_before.len() < before.len() {
            excerpt.push_str("...");
        }
        // What stands before the place decides whether the rest of the line is inside of an address's login.
        let (shown_before, shown_after) = if is_secret(head(&text[line_start..], WINDOW)) {
            without_value(clipped_before, clipped_after)
        } else {
            without_logins(clipped_before, clipped_after)
        };
        push_visible(&mut excerpt, &shown_before);
        let caret = excerpt.chars().count();
        let mut marked_text = String::new();
        push_visible(&mut marked_text, head(&after[..marked], WINDOW));
        push_visible(&mut excerpt, &shown_after);
        if clipped_after.len() < after.len() {
            excerpt.push_str("...");
        }
        Self(Box::new(Details {
            file: file.to_owned(),
            span: Span::new(start, end),
            line,
            column: 1 + before.chars().count(),
            message: message.into(),
            help: None,
            excerpt,
            caret,
            caret_width: marked_text.chars().count().max(1),
        }))
    }

    /// The same error with a sentence that says what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// The file's name, as it was given.
    pub fn file(&self) -> &str {
        &self.0.file
    }

    /// The place in the text.
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> usize {
        self.0.column
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What that line says, as far as it is shown.
    pub fn source_line(&self) -> &str {
        &self.0.excerpt
    }

    /// The line with a caret under the place, as `Display` shows it.
    pub fn excerpt(&self) -> String {
        let Details { line, excerpt, caret, caret_width, .. } = &*self.0;
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let indent = " ".repeat(*caret);
        let carets = "^".repeat(*caret_width);
        format!("{gutter} |\n{number} | {excerpt}\n{gutter} | {indent}{carets}")
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { file, line, column, message, .. } = &*self.0;
        write!(out, "{file}:{line}:{column}: {message}\n{}", self.excerpt())?;
        if let Some(help) = &self.0.help {
            let gutter = " ".repeat(line.to_string().len());
            write!(out, "\n{gutter} = help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// Whether a line gives a value to what is called a secret. What a key means is not known here; an error is no place
/// to find out.
fn is_secret(line: &str) -> bool {
    is_secret_name(line.split('=').next().unwrap_or_default())
}

/// Two parts of a line with a `*` for each byte of its value.
fn without_value(before: &str, after: &str) -> (String, String) {
    let hidden =
        |text: &str| text.chars().map(|c| if c == ' ' { " " } else { "*" }.repeat(c.len_utf8())).collect();
    match before.find('=') {
        Some(at) => (format!("{}{}", &before[..=at], hidden(&before[at + 1..])), hidden(after)),
        None => match after.find('=') {
            Some(at) => (before.to_owned(), format!("{}{}", &after[..=at], hidden(&after[at + 1..]))),
            // The key is out of sight, so all that is seen is value.
            None => (hidden(before), hidden(after)),
        },
    }
}

/// Two parts of a line with a `*` for each character of the logins in its addresses (`ftp://user:password@host`): an
/// error is no place to show them.
fn without_logins(before: &str, after: &str) -> (String, String) {
    let mut shown = [before, after].concat();
    for login in logins(&shown) {
        // As many bytes, so that the two parts are parted where they were.
        shown.replace_range(login.clone(), &"*".repeat(login.len()));
    }
    let after = shown.split_off(before.len());
    (shown, after)
}

/// The first `count` characters.
fn head(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(at, _)| &text[..at])
}

/// The last `count` characters.
fn tail(text: &str, count: usize) -> &str {
    match text.char_indices().rev().nth(count.saturating_sub(1)) {
        Some((at, _)) => &text[at..],
        None => text,
    }
}

/// Appends the text so that a terminal shows it and obeys none of it.
fn push_visible(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\t' => out.push(' '),
            '\0'..='\x1f' => out.extend(char::from_u32(0x2400 + u32::from(character))),
            '\x7f' => out.push('\u{2421}'),
            // C1 controls, and the marks that turn the direction of a line or hide text.
            '\u{80}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
}
