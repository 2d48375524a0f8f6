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

/// One line. Offsets are the file's.
pub(super) struct Line<'a> {
    /// Whether it begins with a space or tab.
    pub(super) indented: bool,
    /// What stands before the first `=`.
    pub(super) key: Option<Fragment<'a>>,
    /// What stands behind the `=`, or all of the line where there is none; trimmed, without the comment.
    pub(super) value: Fragment<'a>,
    /// All of the line; trimmed, without the comment.
    pub(super) whole: Fragment<'a>,
    pub(super) comment: Option<&'a str>,
    /// Whether it begins with `@`.
    pub(super) skipped: bool,
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

/// Calls `take` with each line of `text`, which begins at `offset` of the file.
pub(super) fn each<'a>(
    source: &Source<'_>,
    text: &'a str,
    offset: usize,
    mut take: impl FnMut(Line<'a>) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let mut at = 0;
    while at < text.len() {
        let enough = (at + CHUNK).min(text.len());
        let end =
            memchr::memchr(b'\n', &text.as_bytes()[enough..]).map_or(text.len(), |found| enough + found);
        let base = offset + at;
        let parsed = HrdParser::parse(Rule::lines, &text[at..end]).map_err(|error| {
            let place = match error.location {
                pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => base + at,
            };
            source.error(Span::new(place, place + 1), "this line cannot be read")
        })?;
        for line in parsed.flat_map(Pair::into_inner).filter(|pair| pair.as_rule() == Rule::line) {
            take(read(line, base))?;
        }
        at = end + 1;
    }
    Ok(())
}

fn read<'a>(pair: Pair<'a, Rule>, base: usize) -> Line<'a> {
    let mut line = Line {
        indented: false,
        key: None,
        value: Fragment::default(),
        whole: Fragment::default(),
        comment: None,
        skipped: false,
    };
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::indent => line.indented = !part.as_str().is_empty(),
            Rule::skipped => line.skipped = true,
            Rule::comment => line.comment = Some(part.as_str()[1..].trim()),
            Rule::text => {
                line.value = fragment(&part, base, part.clone());
                line.whole = line.value.clone();
            }
            Rule::assignment => {
                let end = part.as_span().end();
                line.value = Fragment { start: base + end, ..Fragment::default() };
                for side in part.clone().into_inner() {
                    match side.as_rule() {
                        Rule::key => line.key = Some(fragment(&side, base, side.clone())),
                        _ => line.value = fragment(&side, base, side.clone()),
                    }
                }
                let texts = part.clone().into_inner().find(|side| side.as_rule() == Rule::text);
                line.whole = match texts {
                    Some(text) => fragment(&part, base, text),
                    None => fragment(&part, base, part.clone()),
                };
            }
            _ => {}
        }
    }
    line
}

/// The trimmed text of `pair`, with the quoted parts that `quoted_in` holds.
fn fragment<'a>(pair: &Pair<'a, Rule>, base: usize, quoted_in: Pair<'a, Rule>) -> Fragment<'a> {
    let text = pair.as_str();
    let start = pair.as_span().start() + (text.len() - text.trim_start().len());
    let quotes = quoted_in
        .into_inner()
        .filter(|part| part.as_rule() == Rule::quoted)
        .map(|part| Span::new(part.as_span().start() - start, part.as_span().end() - start))
        .collect();
    Fragment { text: text.trim(), start: base + start, quotes }
}
