//! Where the pairs of a dict stand: its value has their names, not their places.

use ays_grammar::Span;
use ays_grammar::hrd::{Entry, Value};
use ays_recipes::Text;

use crate::place::part;

/// The name of a pair.
pub(crate) struct Pair<'a> {
    pub name: &'a str,
    pub span: Span,
    /// Whether the line before has no comma at its end, so that this is no pair at all.
    pub is_glued: bool,
}

/// The pairs of an entry's value as written, in their order; none where it is no dict.
pub(crate) fn pairs<'a>(text: &'a Text, entry: &Entry) -> Vec<Pair<'a>> {
    if !matches!(entry.value, Value::Dict(_)) {
        return Vec::new();
    }
    let value = part(text, entry.value_span);
    let mut pairs = Vec::new();
    let mut after_comma = true;
    let mut line_start = 0;
    for line in value.split_inclusive('\n') {
        for (start, piece) in pieces(line) {
            let name = piece.split(':').next().unwrap_or_default();
            // The colon of an address is no pair's.
            let has_colon = piece[name.len()..].starts_with(':') && !piece[name.len()..].starts_with("://");
            let bare = name.trim().trim_matches(['\'', '"']);
            if has_colon
                && !bare.is_empty()
                && bare.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
            {
                let at = entry.value_span.start + line_start + start + piece.find(bare).unwrap_or(0);
                pairs.push(Pair { name: bare, span: Span::new(at, at + bare.len()), is_glued: !after_comma });
            }
            after_comma = piece.ends_with(',') || piece.trim().is_empty() && after_comma;
        }
        line_start += line.len();
    }
    pairs
}

/// The parts of a line up to each comma that is neither in quotes nor in brackets, without its comment; with the
/// offset of each.
fn pieces(line: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let (mut start, mut end, mut brackets) = (0, line.len(), 0usize);
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('#', None) => {
                end = at;
                break;
            }
            ('\'' | '"', None)
                if line[at + 1..].contains(c) && !line[..at].ends_with(char::is_alphanumeric) =>
            {
                quote = Some(c);
            }
            ('[', None) => brackets += 1,
            (']', None) => brackets = brackets.saturating_sub(1),
            (',', None) if brackets == 0 => {
                pieces.push((start, &line[start..=at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    if !line[start..end].trim().is_empty() {
        pieces.push((start, line[start..end].trim_end()));
    }
    pieces
}
