//! What an HRD file says.

use std::collections::BTreeMap;

use super::Ask;
use crate::Span;

/// A whole file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hrd {
    /// The entries in the file's order; a key given twice is here twice.
    pub entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key as written.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Value,
    /// Where the value stands; empty, behind the `=`, where there is none.
    pub value_span: Span,
    /// The comments before the entry and in it, without their `#`.
    pub comments: Vec<String>,
}

/// A value. Scalars stay the text that was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    String(String),
    /// A list.
    List(Vec<Item>),
    /// Pairs in their order, no key twice.
    Dict(Vec<(String, Item)>),
    /// A question.
    Ask(Ask),
    /// Bytes, from a `b` or `bqp` block.
    Bytes(Vec<u8>),
}

/// A list's item or a dict's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A text.
    String(String),
    /// A whole number in a nested list.
    Int(i64),
    /// A decimal in a nested list.
    Float(f64),
    /// A nested list.
    List(Vec<Item>),
}

impl Hrd {
    /// The entry of a key, in any case; the last one counts where a key is given twice.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        let key = key.to_lowercase();
        self.entries.iter().rev().find(|entry| entry.key.to_lowercase() == key)
    }

    /// The entries `prefix.1`, `prefix.2`, `prefix.10` in the order of their numbers; the last one counts
    /// where a number is given twice.
    pub fn numbered(&self, prefix: &str) -> Vec<(u64, &Entry)> {
        let prefix = format!("{}.", prefix.to_lowercase());
        let mut found = BTreeMap::new();
        for entry in &self.entries {
            let key = entry.key.to_lowercase();
            let number = key.strip_prefix(&prefix).filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
            if let Some(number) = number.and_then(|rest| rest.parse().ok()) {
                found.insert(number, entry);
            }
        }
        found.into_iter().collect()
    }
}
