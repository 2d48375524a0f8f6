//! HRD, the configuration language of AYS: `key = value` lines whose shape says their type.

mod ask;
mod binary;
mod blocks;
pub mod edit;
mod format;
mod lines;
mod marked;
mod model;
mod nested;
mod resolve;
mod source;
mod value;

pub use ask::{Ask, AskKind};
pub use format::format;
pub use model::{Entry, Hrd, Item, Value};
pub use resolve::{Substituted, substitute};

use crate::Diagnostic;

/// Reads a file's bytes; `file` is its name in errors.
///
/// An error is: text that is not UTF-8, a NUL, `{{ }}` (AYS ran it as Python), a `b` or `bqp` block without
/// its end, a dict's item without `:`, a list nested too deep.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Hrd, Diagnostic> {
    let source = source::Source::new(file, bytes);
    let mut reader = blocks::Reader::new(&source);
    let mut at = source.text_start();
    for block in binary::find(&source)? {
        reader.text(source.text(at, block.header.start)?, at)?;
        at = block.end;
        reader.bytes(block)?;
    }
    reader.text(source.text(at, bytes.len())?, at)?;
    reader.finish()
}
