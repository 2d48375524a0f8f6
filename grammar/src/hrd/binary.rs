//! Values of bytes: `key = b` and `key = bqp`, then lines up to `#BINARYEND#########`.
//!
//! Found by hand and before the grammar is asked: what a raw block holds need not be text.

use super::source::Source;
use crate::{Diagnostic, Span};

const END: &[u8] = b"#BINARYEND#########";

/// One block.
pub(super) struct Block {
    /// The line `key = b`.
    pub(super) header: Span,
    pub(super) key: Span,
    /// What the lines hold, as written.
    pub(super) body: Span,
    pub(super) encoding: Encoding,
    /// Behind the line that ends the block.
    pub(super) end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    QuotedPrintable,
}

/// All blocks of a file. Their keys begin at the line's start, so that a line of a value is never taken for one.
pub(super) fn find(source: &Source<'_>) -> Result<Vec<Block>, Diagnostic> {
    let mut blocks = Vec::new();
    let mut at = source.text_start();
    while at < source.bytes.len() {
        let next = line_end(source.bytes, at);
        let Some((key, encoding)) = header(source.bytes, at, next) else {
            at = next;
            continue;
        };
        let start = next;
        let mut body_end = start;
        while body_end < source.bytes.len() && !source.bytes[body_end..].starts_with(END) {
            body_end = line_end(source.bytes, body_end);
        }
        if body_end == source.bytes.len() {
            let line = &source.bytes[at..next];
            return Err(source
                .error(Span::new(at, at + line.trim_ascii_end().len()), "this block of bytes has no end")
                .with_help(
                    "end it with a line `#BINARYEND#########`; a text that is just b needs quotes: 'b'",
                ));
        }
        let end = line_end(source.bytes, body_end);
        let body = source.bytes[start..body_end].strip_suffix(b"\n").unwrap_or_default();
        let windows = source.bytes[at..next].ends_with(b"\r\n");
        let body = if windows { body.strip_suffix(b"\r").unwrap_or(body) } else { body };
        let body = Span::new(start, start + body.len());
        blocks.push(Block { header: Span::new(at, next), key, body, encoding, end });
        at = end;
    }
    Ok(blocks)
}

/// The bytes that a block stands for.
pub(super) fn decode(body: &[u8], encoding: Encoding) -> Vec<u8> {
    if encoding == Encoding::Raw {
        return body.to_vec();
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'=' {
            out.push(byte);
        } else if let Some(tail) = rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n")) {
            rest = tail;
        } else if let Some(byte) = rest.get(..2).and_then(hex) {
            out.push(byte);
            rest = &rest[2..];
        } else {
            out.push(byte);
        }
    }
    out
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        u8::try_from(u32::from(value) * 16 + digit).ok()
    })
}

/// The key and encoding, where the line from `start` to `end` begins a block.
fn header(bytes: &[u8], start: usize, end: usize) -> Option<(Span, Encoding)> {
    let line = &bytes[start..end];
    if matches!(line.first(), None | Some(b' ' | b'\t' | b'@' | b'#')) {
        return None;
    }
    let equals = memchr::memchr(b'=', line)?;
    let encoding = match line[equals + 1..].trim_ascii() {
        b"b" => Encoding::Raw,
        b"bqp" => Encoding::QuotedPrintable,
        _ => return None,
    };
    let key = line[..equals].trim_ascii();
    let quoted_or_comment = key.iter().any(|byte| matches!(byte, b'#' | b'\'' | b'"'));
    (!key.is_empty() && !quoted_or_comment).then(|| (Span::new(start, start + key.len()), encoding))
}

/// Behind the newline of the line that begins at `start`.
fn line_end(bytes: &[u8], start: usize) -> usize {
    memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |found| start + found + 1)
}
