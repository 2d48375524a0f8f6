//! `$(key)`: references from one value to another.

use std::cell::Cell;
use std::collections::HashMap;

use super::source::Source;
use super::{Entry, Hrd, Item, Value, nested};
use crate::{Diagnostic, Span};

/// How many bytes references may add to a file: ten keys that each repeat the one before ten times must
/// not fill the memory.
const GROWTH: usize = 16 * 1024 * 1024;

/// The text with each `$(key)` replaced by what `lookup` says of the key in lower case; a key that it does not
/// know is left as it stands. What is put in is not looked at again.
pub fn substitute(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    Substituted::new(text, lookup).text
}

/// A text in which `$(key)` were replaced, that still knows what stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substituted {
    /// The text.
    pub text: String,
    /// Where in it each value is, and where the reference stood, in order.
    replaced: Vec<(Span, Span)>,
}

impl Substituted {
    /// As [`substitute`] does it.
    pub fn new(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let (mut out, mut replaced) = (String::new(), Vec::new());
        let mut done = 0;
        for (start, name) in references(text) {
            if let Some(value) = lookup(&name.to_lowercase()) {
                out.push_str(&text[done..start]);
                done = start + "$()".len() + name.len();
                replaced.push((Span::new(out.len(), out.len() + value.len()), Span::new(start, done)));
                out.push_str(&value);
            }
        }
        out.push_str(&text[done..]);
        Self { text: out, replaced }
    }

    /// Where a part of the text stood before; a part of a value stood where its reference is.
    pub fn place(&self, part: Span) -> Span {
        let before = |offset: usize, inside: fn(Span) -> usize| {
            let next = self.replaced.partition_point(|(value, _)| value.start <= offset);
            match next.checked_sub(1).map(|last| self.replaced[last]) {
                None => offset,
                Some((value, reference)) if offset < value.end => inside(reference),
                Some((value, reference)) => reference.end + (offset - value.end),
            }
        };
        let end = part.end.max(part.start + 1) - 1;
        Span::new(
            before(part.start, |reference| reference.start),
            before(end, |reference| reference.end - 1) + 1,
        )
    }

    /// What was put in within a part of the text, with where its reference stood.
    pub fn values_in(&self, part: Span) -> impl Iterator<Item = (&str, Span)> {
        let within = move |value: &Span| value.start < part.end && part.start < value.end;
        let replaced = self.replaced.iter().filter(move |(value, _)| within(value));
        replaced.map(|(value, reference)| (&self.text[value.start..value.end], *reference))
    }
}

/// Each `$(name)`: where its `$` stands, and the name.
fn references(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("$(").filter_map(|(start, _)| {
        let rest = &text[start + 2..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '-')))?;
        (end > 0 && rest[end..].starts_with(')')).then(|| (start, &rest[..end]))
    })
}

impl Hrd {
    /// The file with every `$(key)` that names a key of the file itself replaced, in texts, items, dict values and
    /// the defaults of questions. A value that is nothing but a reference becomes what it refers to. References that
    /// lead back to themselves, and those to questions and bytes, are left as they stand.
    ///
    /// `file` and `bytes` are what the file was parsed from. An error is a file that references make too large.
    pub fn resolve(mut self, file: &str, bytes: &[u8]) -> Result<Hrd, Diagnostic> {
        let mut known = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            known.insert(entry.key.to_lowercase(), at);
        }
        let budget = Cell::new(GROWTH);
        // An entry is resolved once all that it refers to is; what then is left refers in a circle.
        let mut waiting_for: Vec<usize> = vec![0; self.entries.len()];
        let mut waiting: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            each_text(entry, &mut |text| {
                for target in references(text).filter_map(|(_, name)| known.get(&name.to_lowercase())) {
                    waiting_for[at] += 1;
                    waiting.entry(*target).or_default().push(at);
                }
            });
        }
        let mut ready: Vec<usize> = (0..self.entries.len()).filter(|at| waiting_for[*at] == 0).collect();
        let mut resolved = vec![false; self.entries.len()];
        let mut next = 0;
        while let Some(&at) = ready.get(next) {
            next += 1;
            self.resolve_entry(at, &known, &resolved, &budget, file, bytes)?;
            resolved[at] = true;
            for waiter in waiting.remove(&at).unwrap_or_default() {
                waiting_for[waiter] -= 1;
                if waiting_for[waiter] == 0 {
                    ready.push(waiter);
                }
            }
        }
        for at in (0..self.entries.len()).filter(|at| waiting_for[*at] > 0) {
            self.resolve_entry(at, &known, &resolved, &budget, file, bytes)?;
        }
        Ok(self)
    }

    fn resolve_entry(
        &mut self,
        at: usize,
        known: &HashMap<String, usize>,
        resolved: &[bool],
        budget: &Cell<usize>,
        file: &str,
        bytes: &[u8],
    ) -> Result<(), Diagnostic> {
        let mut value = std::mem::replace(&mut self.entries[at].value, Value::String(String::new()));
        let spent = Cell::new(false);
        let spend = |value: &Value| {
            // Measured no more once there is too much: measuring takes time too.
            let left = if spent.get() { None } else { budget.get().checked_sub(size(value)) };
            spent.set(left.is_none());
            budget.set(left.unwrap_or_default());
            left.is_some()
        };
        let target =
            |key: &str| known.get(key).filter(|target| resolved[**target]).map(|at| &self.entries[*at].value);
        let text_of = |key: &str| {
            let value = target(key)?;
            spend(value).then(|| as_text(value)).flatten()
        };
        let whole = |text: &str| {
            let (start, name) = references(text).next()?;
            let value = (start == 0 && name.len() + "$()".len() == text.len())
                .then(|| target(&name.to_lowercase()))??;
            (matches!(value, Value::List(_) | Value::Dict(_)) && spend(value)).then(|| value.clone())
        };
        match &mut value {
            Value::String(text) => match whole(text) {
                Some(referred) => value = referred,
                None => *text = substitute(text, &text_of),
            },
            Value::List(items) => items.iter_mut().for_each(|item| resolve_item(item, &whole, &text_of)),
            Value::Dict(pairs) => pairs.iter_mut().for_each(|(_, item)| resolve_item(item, &whole, &text_of)),
            Value::Ask(ask) => {
                ask.default = ask.default.take().map(|default| substitute(&default, &text_of));
            }
            Value::Bytes(_) => {}
        }
        self.entries[at].value = value;
        if spent.get() {
            let source = Source::new(file, bytes);
            return Err(source
                .error(self.entries[at].value_span, "references make this file larger than 16 MiB")
                .with_help("let fewer values repeat each other"));
        }
        Ok(())
    }
}

fn resolve_item(
    item: &mut Item,
    whole: &dyn Fn(&str) -> Option<Value>,
    text_of: &dyn Fn(&str) -> Option<String>,
) {
    match item {
        Item::String(text) => match whole(text) {
            Some(Value::List(items)) => *item = Item::List(items),
            _ => *text = substitute(text, text_of),
        },
        Item::List(items) => {
            for item in items {
                let reference = matches!(item, Item::String(text) if references(text).next().is_some());
                resolve_item(item, whole, text_of);
                // `[$(port), 9300]` holds two numbers.
                if let (true, Item::String(text)) = (reference, &*item) {
                    *item = nested::scalar(text);
                }
            }
        }
        Item::Int(_) | Item::Float(_) => {}
    }
}

/// Calls `take` with each text of a value that may hold references.
fn each_text(entry: &Entry, take: &mut dyn FnMut(&str)) {
    match &entry.value {
        Value::String(text) => take(text),
        Value::List(items) => items.iter().for_each(|item| each_item(item, take)),
        Value::Dict(pairs) => pairs.iter().for_each(|(_, item)| each_item(item, take)),
        Value::Ask(ask) => ask.default.iter().for_each(|default| take(default)),
        Value::Bytes(_) => {}
    }
}

fn each_item(item: &Item, take: &mut dyn FnMut(&str)) {
    match item {
        Item::String(text) => take(text),
        Item::List(items) => items.iter().for_each(|item| each_item(item, take)),
        Item::Int(_) | Item::Float(_) => {}
    }
}

/// What a value is inside another text: a list in brackets, a dict as its pairs; nothing for what is not known yet.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::List(items) => Some(list_text(items)),
        Value::Dict(pairs) => {
            Some(pairs.iter().map(|(key, item)| format!("{key}:{},", item_text(item))).collect())
        }
        Value::Ask(_) | Value::Bytes(_) => None,
    }
}

fn list_text(items: &[Item]) -> String {
    format!("[{}]", items.iter().map(item_text).collect::<Vec<_>>().join(","))
}

fn item_text(item: &Item) -> String {
    match item {
        Item::String(text) => text.clone(),
        Item::Int(number) => number.to_string(),
        Item::Float(number) => number.to_string(),
        Item::List(items) => list_text(items),
    }
}

/// About how many bytes a value takes, so that the many small items of a list count too.
fn size(value: &Value) -> usize {
    const ITEM: usize = 32;
    fn of(item: &Item) -> usize {
        match item {
            Item::String(text) => ITEM + text.len(),
            Item::Int(_) | Item::Float(_) => ITEM,
            Item::List(items) => items.iter().map(of).sum::<usize>() + ITEM,
        }
    }
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(of).sum(),
        Value::Dict(pairs) => pairs.iter().map(|(key, item)| key.len() + of(item)).sum(),
        Value::Ask(_) | Value::Bytes(_) => 0,
    }
}
