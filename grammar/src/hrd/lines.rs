//! Lines, as `hrd.pest` reads them.

use pest::Parser;
use pest::iterators::Pair;
use pest_derive::Parser;

use super::source::Source;
use crate::{Diagnostic, Span};

#[derive(Parser)]
#[grammar = "hrd.pest"]
pub(super) struct HrdParser;

/// How many bytes of lines are given to pest at once, so that its tokens never fill the memory.
const CHUNK: usize = 64 * 1024;

/// One line that is not empty. Offsets are the file's.
#[derive(Default)]
pub(super) struct Line<'a> {
    /// Whether an empty line stands before it.
    pub(super) after_gap: bool,
    /// Whether it begins with a space or tab.
    pub(super) indented: bool,
    /// All of it but the comment.
    pub(super) whole: Fragment<'a>,
    pub(super) comment: Option<&'a str>,
    /// Whether it begins with `@`.
    pub(super) skipped: bool,
}

impl<'a> Line<'a> {
    /// What stands before and behind the first `=`. A quote before it is no part of a key.
    pub(super) fn assignment(self) -> Option<(Fragment<'a>, Fragment<'a>)> {
        let Fragment { text, start, mut quotes } = self.whole;
        let equals = text.find(['=', '\'', '"']).filter(|at| text[*at..].starts_with('='))?;
        let key = Fragment { text: text[..equals].trim_end(), start, quotes: Vec::new() };
        let behind = &text[equals + 1..];
        let shift = text.len() - behind.trim_start().len();
        for quote in &mut quotes {
            *quote = Span::new(quote.start - shift, quote.end - shift);
        }
        Some((key, Fragment { text: behind.trim_start(), start: start + shift, quotes }))
    }
}

/// A part of one line.
#[derive(Clone, Default)]
pub(super) struct Fragment<'a> {
    pub(super) text: &'a str,
    /// Where it stands in the file.
    pub(super) start: usize,
    /// The quoted parts of it, quotes included, as offsets in `text`.
    pub(super) quotes: Vec<Span>,
}

impl Fragment<'_> {
    pub(super) fn span(&self) -> Span {
        Span::new(self.start, self.start + self.text.len())
    }
}

/// Calls `take` with each line of `text` that is not empty; `text` begins at `offset` of the file.
pub(super) fn each<'a>(
    source: &Source<'_>,
    text: &'a str,
    offset: usize,
    mut take: impl FnMut(Line<'a>) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let mut at = 0;
    let mut previous_end = 0;
    while at < text.len() {
        let enough = (at + CHUNK).min(text.len());
        let end =
            memchr::memchr(b'\n', &text.as_bytes()[enough..]).map_or(text.len(), |found| enough + found);
        let parsed = HrdParser::parse(Rule::lines, &text[at..end]).map_err(|error| {
            let place = match error.location {
                pest::error::InputLocation::Pos(place) | pest::error::InputLocation::Span((place, _)) => {
                    place
                }
            };
            let place = offset + at + place;
            source.error(Span::new(place, place + 1), "this line cannot be read")
        })?;
        for pair in parsed.flat_map(Pair::into_inner).filter(|pair| pair.as_rule() == Rule::line) {
            let span = Span::new(at + pair.as_span().start(), at + pair.as_span().end());
            let gap = &text.as_bytes()[previous_end..span.start];
            let mut line = read(pair, offset + at);
            line.after_gap = memchr::memchr_iter(b'\n', gap).nth(1).is_some();
            line.indented = matches!(gap.last(), Some(b' ' | b'\t'));
            previous_end = span.end;
            take(line)?;
        }
        at = end + 1;
    }
    Ok(())
}

/// The line that a pair holds; `base` is where the text that was given to pest begins in the file.
fn read(pair: Pair<'_, Rule>, base: usize) -> Line<'_> {
    let mut line = Line::default();
    let span = pair.as_span();
    let mut text = span.as_str();
    let mut quotes = Vec::new();
    for part in pair.into_inner() {
        let start = part.as_span().start() - span.start();
        match part.as_rule() {
            Rule::skipped => line.skipped = true,
            Rule::comment => {
                text = &text[..start];
                line.comment = Some(part.as_str()[1..].trim());
            }
            _ => quotes.push(Span::new(start, start + part.as_str().len())),
        }
    }
    line.whole = Fragment { text: text.trim_end(), start: base + span.start(), quotes };
    line
}
