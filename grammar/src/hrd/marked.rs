//! The text of a value, joined from its lines, that still knows what was quoted and where it stood.

use super::lines::Fragment;
use crate::Span;

/// A value's text.
#[derive(Default)]
pub(super) struct Marked {
    pub(super) text: String,
    /// The quoted parts, quotes included, in their order.
    pub(super) quotes: Vec<Span>,
    /// Where each line begins: in `text`, and in the file.
    lines: Vec<(usize, usize)>,
}

impl Marked {
    /// The lines joined by spaces, as AYS joined them: a missing comma glues two items together.
    pub(super) fn join(fragments: &[Fragment<'_>]) -> Self {
        let mut joined = Self::default();
        for fragment in fragments {
            if !joined.text.is_empty() {
                joined.text.push(' ');
            }
            let base = joined.text.len();
            joined.lines.push((base, fragment.start));
            joined.text.push_str(fragment.text);
            joined
                .quotes
                .extend(fragment.quotes.iter().map(|span| Span::new(base + span.start, base + span.end)));
        }
        joined
    }

    /// Where a part of `text` stands in the file.
    pub(super) fn place(&self, part: Span) -> Span {
        let line = self.lines.partition_point(|(start, _)| *start <= part.start).saturating_sub(1);
        let (start, place) = self.lines.get(line).copied().unwrap_or_default();
        Span::new(place + part.start - start, place + part.end - start)
    }

    /// Each byte outside quotes, with its offset.
    pub(super) fn bare(&self) -> impl Iterator<Item = (usize, u8)> {
        let mut quotes = self.quotes.iter().peekable();
        self.text.bytes().enumerate().filter(move |(at, _)| {
            while quotes.next_if(|quote| quote.end <= *at).is_some() {}
            quotes.peek().is_none_or(|quote| *at < quote.start)
        })
    }

    /// The part without blanks at its ends.
    pub(super) fn trim(&self, part: Span) -> Span {
        let text = &self.text[part.start..part.end];
        let start = part.start + text.len() - text.trim_start().len();
        Span::new(start, start + text.trim().len())
    }

    /// The text of a part without its quotes: pairs of single quotes anywhere, as AYS did, and double quotes
    /// that hold all of it.
    pub(super) fn unquoted(&self, part: Span) -> String {
        let part = self.trim(part);
        let first = self.quotes.partition_point(|quote| quote.start < part.start);
        let mut out = String::with_capacity(part.end - part.start);
        let mut at = part.start;
        for quote in self.quotes[first..].iter().take_while(|quote| quote.end <= part.end) {
            let double = self.text.as_bytes()[quote.start] == b'"';
            if double && *quote != part {
                continue;
            }
            out.push_str(&self.text[at..quote.start]);
            out.push_str(&self.text[quote.start + 1..quote.end - 1]);
            at = quote.end;
        }
        out.push_str(&self.text[at..part.end]);
        out
    }
}
