//! The shape of a value's text, and what it is then.

use std::collections::HashMap;

use super::ask::Ask;
use super::lines::Fragment;
use super::marked::Marked;
use super::source::Source;
use super::{Item, Value, nested};
use crate::{Diagnostic, Span};

/// The value that stands behind the `=`.
pub(super) fn inline(source: &Source<'_>, fragment: &Fragment<'_>) -> Result<Value, Diagnostic> {
    let marked = Marked::join(std::slice::from_ref(fragment));
    refuse_code(source, &marked)?;
    let mut comma = false;
    let mut colon = false;
    for (at, byte) in marked.bare() {
        match byte {
            b',' => comma = true,
            b':' => colon = true,
            b'@' if Ask::starts(&marked.text[at..]) => {
                return Ask::read(source, &marked, Span::new(at, marked.text.len())).map(Value::Ask);
            }
            _ => {}
        }
    }
    if matches!(marked.text.as_str(), ":" | ":,") {
        return Ok(Value::Dict(Vec::new()));
    }
    if colon {
        return dict(source, &marked);
    }
    if comma {
        return list(source, &marked);
    }
    // AYS asked a question that stands in quotes too.
    let question = marked.text.find("@ASK").filter(|at| Ask::starts(&marked.text[*at..]));
    if let Some(at) = question {
        let end = marked.text.trim_end_matches(['\'', '"']).len();
        let quoted = at == 1 && scalar(&marked.text).len() < marked.text.len();
        let end = if quoted { end.max(at) } else { marked.text.len() };
        return Ask::read(source, &marked, Span::new(at, end)).map(Value::Ask);
    }
    Ok(Value::String(newlines(scalar(&marked.text).to_owned())))
}

/// The value that stands in indented lines; the first line's shape counts.
pub(super) fn block(source: &Source<'_>, lines: &[Fragment<'_>]) -> Result<Value, Diagnostic> {
    let Some(first) = lines.first() else { return Ok(Value::String(String::new())) };
    let marked = Marked::join(lines);
    refuse_code(source, &marked)?;
    if !first.text.ends_with(',') {
        let mut text = String::new();
        for line in lines {
            let line = Marked::join(std::slice::from_ref(line));
            text.push_str(&newlines(line.unquoted(Span::new(0, line.text.len()))));
            text.push('\n');
        }
        return Ok(Value::String(text));
    }
    let first = Marked::join(std::slice::from_ref(first));
    if first.bare().any(|(_, byte)| byte == b':') { dict(source, &marked) } else { list(source, &marked) }
}

fn list(source: &Source<'_>, marked: &Marked) -> Result<Value, Diagnostic> {
    let items = split(marked).into_iter().map(|part| item(source, marked, part)).collect::<Result<_, _>>()?;
    Ok(Value::List(items))
}

fn dict(source: &Source<'_>, marked: &Marked) -> Result<Value, Diagnostic> {
    let mut colons = marked.bare().filter(|(_, byte)| *byte == b':').map(|(at, _)| at).peekable();
    let mut pairs: Vec<(String, Item)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for part in split(marked) {
        while colons.next_if(|at| *at < part.start).is_some() {}
        let Some(colon) = colons.next_if(|at| *at < part.end) else {
            return Err(source
                .error(marked.place(part), "a dict's item has no `:`")
                .with_help("write `key:value,`; a value that holds a comma needs quotes"));
        };
        let key = marked.unquoted(Span::new(part.start, colon));
        let value = item(source, marked, Span::new(colon + 1, part.end))?;
        match places.get(&key) {
            Some(place) => pairs[*place].1 = value,
            None => {
                places.insert(key.clone(), pairs.len());
                pairs.push((key, value));
            }
        }
    }
    Ok(Value::Dict(pairs))
}

fn item(source: &Source<'_>, marked: &Marked, part: Span) -> Result<Item, Diagnostic> {
    let text = marked.unquoted(part);
    let inner = text.trim();
    if !(inner.starts_with('[') && inner.ends_with(']')) {
        return Ok(Item::String(newlines(text)));
    }
    nested::read(inner).map(Item::List).map_err(|too_deep| {
        source
            .error(marked.place(marked.trim(part)), too_deep.to_string())
            .with_help("put the text in an entry of its own")
    })
}

/// The parts between the commas that stand neither in quotes nor in brackets; without blanks and empty ones.
fn split(marked: &Marked) -> Vec<Span> {
    // A bracket without its partner is a character like others, so partners are found first.
    let mut open = Vec::new();
    let mut matched = Vec::new();
    for (at, byte) in marked.bare() {
        match byte {
            b'[' => open.push(at),
            b']' => matched.extend(open.pop().map(|start| (start, at))),
            _ => {}
        }
    }
    matched.sort_unstable();
    let mut matched = matched.into_iter().peekable();
    let mut parts = Vec::new();
    let mut start = 0;
    let mut hidden_until = 0;
    let ends = marked.bare().filter(|(_, byte)| *byte == b',').map(|(at, _)| at);
    for end in ends.chain([marked.text.len()]) {
        while let Some((_, close)) = matched.next_if(|(opened, _)| *opened < end) {
            hidden_until = hidden_until.max(close);
        }
        if end < hidden_until {
            continue;
        }
        let part = marked.trim(Span::new(start, end));
        if part.start < part.end {
            parts.push(part);
        }
        start = (end + 1).min(marked.text.len());
    }
    parts
}

/// A text without the quotes around all of it. AYS took a lone single quote off either end too.
fn scalar(text: &str) -> &str {
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return inner;
    }
    match text.strip_prefix('\'') {
        Some(rest) => rest.strip_suffix('\'').unwrap_or(rest),
        None => text,
    }
}

/// `\n` is a newline.
fn newlines(text: String) -> String {
    if text.contains("\\n") { text.replace("\\n", "\n") } else { text }
}

/// AYS evaluated `{{ ... }}` as Python; nothing in a recipe is ever run here.
fn refuse_code(source: &Source<'_>, marked: &Marked) -> Result<(), Diagnostic> {
    let Some(start) = marked.text.find("{{") else { return Ok(()) };
    let Some(length) = marked.text[start..].find("}}") else { return Ok(()) };
    let place = marked.place(Span::new(start, start + length + 2));
    Err(source
        .error(place, "`{{ }}` is Python that AYS would run, and is never run here")
        .with_help("write the value itself, or refer to another key with `$(key)`"))
}
