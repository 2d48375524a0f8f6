//! The bytes of a file, and errors in them.

use crate::{Diagnostic, Span};

/// How many bytes behind a place are taken into an error.
const BEHIND: usize = 1024;

/// A file's bytes. They are not text as a whole: a raw block may hold anything.
pub(super) struct Source<'a> {
    file: &'a str,
    pub(super) bytes: &'a [u8],
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str, bytes: &'a [u8]) -> Self {
        Self { file, bytes }
    }

    /// Where the text begins, behind a byte order mark.
    pub(super) fn text_start(&self) -> usize {
        if self.bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
    }

    /// The bytes from `start` to `end`, which must be text without a NUL.
    pub(super) fn text(&self, start: usize, end: usize) -> Result<&'a str, Diagnostic> {
        let part = &self.bytes[start..end];
        let text = std::str::from_utf8(part).map_err(|error| {
            let at = start + error.valid_up_to();
            let length = error.error_len().unwrap_or(end - at);
            self.error(Span::new(at, at + length), "this is not UTF-8 text")
                .with_help("save the file as UTF-8; bytes that are not text go into a `key = bqp` block")
        })?;
        match memchr::memchr(0, part) {
            Some(nul) => {
                let at = start + nul;
                Err(self
                    .error(Span::new(at, at + 1), "a NUL byte stands in the text")
                    .with_help("remove it; bytes that are not text go into a `key = bqp` block"))
            }
            None => Ok(text),
        }
    }

    /// An error at `span` of the file's bytes.
    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        let start = span.start.min(self.bytes.len());
        let end = span.end.clamp(start, self.bytes.len()).min(start + BEHIND);
        let behind = (end + BEHIND).min(self.bytes.len());
        let mut text = String::from_utf8_lossy(&self.bytes[self.text_start().min(start)..start]).into_owned();
        let text_start = text.len();
        text.push_str(&String::from_utf8_lossy(&self.bytes[start..end]));
        let text_end = text.len();
        text.push_str(&String::from_utf8_lossy(&self.bytes[end..behind]));
        Diagnostic::new(self.file, &text, Span::new(text_start, text_end), message)
    }
}
