//! Lists in lists: `[9200, 9300]`, `[a, [b, 'c, d']]`.
//!
//! Read by hand and not by a grammar rule: brackets would make the rule call itself, and their number is in
//! the hands of whoever wrote the file.

use super::Item;

/// How deep lists may lie in each other. Whoever walks an [`Item`] may call itself this often.
const DEPTH: usize = 32;

#[derive(Debug, thiserror::Error)]
#[error("lists lie more than {DEPTH} deep in each other")]
pub(super) struct TooDeep;

/// The items of a text that begins with `[` and ends with `]`.
pub(super) fn read(text: &str) -> Result<Vec<Item>, TooDeep> {
    let mut open: Vec<Vec<Item>> = vec![Vec::new()];
    let inner = &text[1..text.len().saturating_sub(1).max(1)];
    let mut start = 0;
    let mut quote = None;
    for (at, byte) in inner.bytes().enumerate() {
        match (byte, quote) {
            (_, Some((mark, _))) if byte != mark => {}
            (_, Some(_)) => quote = None,
            (b'\'' | b'"', None)
                if inner[start..at].trim().is_empty() && inner[at + 1..].contains(char::from(byte)) =>
            {
                quote = Some((byte, at));
            }
            (b'[', None) if inner[start..at].trim().is_empty() => {
                if open.len() == DEPTH {
                    return Err(TooDeep);
                }
                open.push(Vec::new());
                start = at + 1;
            }
            (b']', None) if open.len() > 1 => {
                push(&mut open, &inner[start..at]);
                close(&mut open);
                start = at + 1;
            }
            (b',', None) => {
                push(&mut open, &inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    push(&mut open, &inner[start..]);
    while open.len() > 1 {
        close(&mut open);
    }
    Ok(open.pop().unwrap_or_default())
}

fn close(open: &mut Vec<Vec<Item>>) {
    if let Some(items) = open.pop()
        && let Some(outer) = open.last_mut()
    {
        outer.push(Item::List(items));
    }
}

fn push(open: &mut [Vec<Item>], text: &str) {
    let text = text.trim();
    if let (false, Some(items)) = (text.is_empty(), open.last_mut()) {
        items.push(scalar(text));
    }
}

/// An item of a nested list: a number where it looks like one.
pub(super) fn scalar(text: &str) -> Item {
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return Item::String(inner.to_owned());
        }
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match (numeric, text.parse::<i64>(), text.parse::<f64>()) {
        (true, Ok(number), _) => Item::Int(number),
        (true, Err(_), Ok(number)) if text.contains('.') => Item::Float(number),
        _ => Item::String(text.to_owned()),
    }
}
