//! The form that HRD files are kept in: the one that AYS wrote.

use super::binary;
use super::lines::{self, Line};
use super::source::Source;
use super::{Entry, Value, parse};
use crate::Diagnostic;

/// Where AYS put the `=`: keys are filled up to so many characters.
pub(super) const KEY_WIDTH: usize = 30;
const INDENT: &str = "    ";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The same file in its usual form: `=` below `=`, the lines of a value indented by four spaces, never two empty
/// lines, none at either end, no blanks at a line's end, `\n` for `\r\n`, no byte order mark.
///
/// What it says stays: keys, values, comments, lines that are skipped, and their order. Blocks of bytes are left as
/// they are. An error is what [`parse`] does not read.
pub fn format(file: &str, bytes: &[u8]) -> Result<Vec<u8>, Diagnostic> {
    let source = Source::new(file, bytes);
    let read = parse(file, bytes)?;
    let mut out = Formatted { bytes: Vec::with_capacity(bytes.len()), entries: &read.entries };
    let mut at = source.text_start();
    for block in binary::find(&source)? {
        out.text(&source, at, block.header.start)?;
        out.gap(&bytes[at..block.header.start]);
        out.bytes.extend(&bytes[block.header.start..block.end]);
        // Only the last line of a file may have no end.
        if !out.bytes.ends_with(b"\n") {
            out.bytes.push(b'\n');
        }
        at = block.end;
    }
    out.text(&source, at, bytes.len())?;
    let mut formatted = out.bytes;
    if formatted.starts_with(BYTE_ORDER_MARK) {
        // A key that begins so would lose it.
        formatted.insert(0, b'\n');
    }
    Ok(formatted)
}

struct Formatted<'a> {
    bytes: Vec<u8>,
    /// Those that have not been passed yet.
    entries: &'a [Entry],
}

impl Formatted<'_> {
    /// Takes the text from `start` to `end`, in which there is no block of bytes.
    fn text(&mut self, source: &Source<'_>, start: usize, end: usize) -> Result<(), Diagnostic> {
        let text = source.text(start, end)?;
        // Behind a block of bytes the newline of the line before is the block's.
        let mut gap = start > 0 && text.trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        lines::each(source, text, start, |line| {
            gap |= line.after_gap;
            let begin = line.whole.start - start;
            let whole = text[begin..].split('\n').next().unwrap_or_default();
            let shown = self.line(source, &line, whole);
            if !shown.is_empty() {
                if gap && !self.bytes.is_empty() {
                    self.bytes.push(b'\n');
                }
                gap = false;
                self.bytes.extend(shown.as_bytes());
                self.bytes.push(b'\n');
            }
            Ok(())
        })
    }

    /// An empty line where the text that was taken last ends with one.
    fn gap(&mut self, text: &[u8]) {
        let end = text.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |at| at + 1);
        let newlines = text[end..].iter().filter(|byte| **byte == b'\n').count();
        if newlines > usize::from(end > 0) && !self.bytes.is_empty() {
            self.bytes.push(b'\n');
        }
    }

    /// One line, nothing for one that says nothing; `whole` is all of it from its first character that is no blank.
    fn line(&mut self, source: &Source<'_>, line: &Line<'_>, whole: &str) -> String {
        let (at, text) = (line.whole.start, line.whole.text);
        // Lines come in the order of the entries.
        while self.entries.get(1).is_some_and(|next| next.key_span.start <= at) {
            self.entries = &self.entries[1..];
        }
        let comment = whole[text.len()..].trim_end();
        if text.is_empty() {
            let indent = if line.indented && !comment.is_empty() { INDENT } else { "" };
            return format!("{indent}{}", comment.trim_start());
        }
        let space = if comment.starts_with('#') { " " } else { "" };
        let said = match self.entries.first() {
            Some(entry) if entry.key_span.start == at => head(entry, line, comment),
            Some(entry) if entry.key_span.start < at && at < entry.value_span.end => {
                format!("{INDENT}{}{text}", further(source, entry, at))
            }
            // Skipped, or no part of any entry.
            _ => format!("{}{text}", if line.indented { INDENT } else { "" }),
        };
        format!("{said}{space}{comment}")
    }
}

/// The line of a key, without its comment.
fn head(entry: &Entry, line: &Line<'_>, comment: &str) -> String {
    let value = line.whole.text.get(entry.value_span.start - line.whole.start..).unwrap_or_default();
    // At the line's start it would begin a block of bytes, which it is not: those are taken elsewhere.
    let indent = if comment.is_empty() && matches!(value, "b" | "bqp") { " " } else { "" };
    let key = &entry.key;
    let space = if value.is_empty() { "" } else { " " };
    format!("{indent}{key:KEY_WIDTH$} ={space}{value}")
}

/// By how much a line of a text is indented further than the text's first line. Items and pairs all stand in one column.
fn further(source: &Source<'_>, entry: &Entry, at: usize) -> String {
    if !matches!(entry.value, Value::String(_)) {
        return String::new();
    }
    let first = indentation(source, entry.value_span.start);
    " ".repeat(indentation(source, at).saturating_sub(first))
}

/// How many columns of blanks stand before a place.
fn indentation(source: &Source<'_>, at: usize) -> usize {
    let before = source.bytes[..at].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t'));
    before.map(|byte| if *byte == b'\t' { INDENT.len() } else { 1 }).sum()
}
