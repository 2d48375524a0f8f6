//! Entries from lines: which lines belong to one value.

use super::binary::{self, Block};
use super::lines::{self, Fragment, Line};
use super::source::Source;
use super::{Entry, Hrd, Value, value};
use crate::{Diagnostic, Span};

/// Takes a file's lines in their order.
pub(super) struct Reader<'a> {
    source: &'a Source<'a>,
    entries: Vec<Entry>,
    /// Comments that belong to the next entry, or to the open one when its value goes on.
    comments: Vec<String>,
    open: Option<Open<'a>>,
}

/// An entry with nothing behind its `=`: the indented lines that follow are its value.
struct Open<'a> {
    key: Fragment<'a>,
    value_at: usize,
    lines: Vec<Fragment<'a>>,
    comments: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self { source, entries: Vec::new(), comments: Vec::new(), open: None }
    }

    /// Takes the text that begins at `offset` of the file.
    pub(super) fn text(&mut self, text: &'a str, offset: usize) -> Result<(), Diagnostic> {
        lines::each(self.source, text, offset, |line| self.line(line))
    }

    /// Takes a value of bytes.
    pub(super) fn bytes(&mut self, block: Block) -> Result<(), Diagnostic> {
        self.close()?;
        let key = self.source.text(block.key.start, block.key.end)?.to_owned();
        let body = &self.source.bytes[block.body.start..block.body.end];
        let value = Value::Bytes(binary::decode(body, block.encoding));
        let comments = std::mem::take(&mut self.comments);
        self.entries.push(Entry { key, key_span: block.key, value, value_span: block.body, comments });
        Ok(())
    }

    /// The file.
    pub(super) fn finish(mut self) -> Result<Hrd, Diagnostic> {
        self.close()?;
        Ok(Hrd { entries: self.entries })
    }

    fn line(&mut self, line: Line<'a>) -> Result<(), Diagnostic> {
        if line.after_gap {
            self.close()?;
        }
        if line.skipped {
            return Ok(());
        }
        if line.whole.text.is_empty() {
            // A line that holds only a comment is not an empty line (in AYS it was, and ended the value).
            self.comments.extend(line.comment.map(str::to_owned));
            return Ok(());
        }
        if let Some(open) = self.open.as_mut().filter(|_| line.indented) {
            open.comments.append(&mut self.comments);
            open.comments.extend(line.comment.map(str::to_owned));
            open.lines.push(line.whole);
            return Ok(());
        }
        self.close()?;
        self.comments.extend(line.comment.map(str::to_owned));
        // As AYS did: a line without `=` that is no part of a value says nothing.
        let Some((key, value)) = line.assignment().filter(|(key, _)| !key.text.is_empty()) else {
            return Ok(());
        };
        if value.text.is_empty() {
            let comments = std::mem::take(&mut self.comments);
            self.open = Some(Open { key, value_at: value.start, lines: Vec::new(), comments });
            return Ok(());
        }
        let value_span = value.span();
        let value = value::inline(self.source, &value)?;
        let comments = std::mem::take(&mut self.comments);
        self.push(&key, value, value_span, comments);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Diagnostic> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let value = value::block(self.source, &open.lines)?;
        let span = match (open.lines.first(), open.lines.last()) {
            (Some(first), Some(last)) => Span::new(first.start, last.span().end),
            _ => Span::new(open.value_at, open.value_at),
        };
        self.push(&open.key, value, span, open.comments);
        Ok(())
    }

    fn push(&mut self, key: &Fragment<'_>, value: Value, value_span: Span, comments: Vec<String>) {
        let (key_span, key) = (key.span(), key.text.to_owned());
        self.entries.push(Entry { key, key_span, value, value_span, comments });
    }
}
