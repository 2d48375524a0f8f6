//! Values of HRD files, and the keys of instances.

use ays_grammar::hrd::{Hrd, Item, Value};

/// A value as `$(..)` puts it into a text.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    let item = |item: &Item| match item {
        Item::String(text) => Some(text.clone()),
        Item::Int(number) => Some(number.to_string()),
        Item::Float(number) => Some(number.to_string()),
        Item::List(_) => None,
    };
    let joined = |items: Option<Vec<String>>| items.map(|items| items.join(", "));
    match value {
        Value::String(text) => Some(text.clone()),
        Value::List(items) => joined(items.iter().map(item).collect()),
        Value::Dict(pairs) => {
            joined(pairs.iter().map(|(key, value)| Some(format!("{key}:{}", item(value)?))).collect())
        }
        Value::Ask(_) | Value::Bytes(_) => None,
    }
}

/// A key's text, where it is a string.
pub(crate) fn string(hrd: &Hrd, key: &str) -> Option<String> {
    match &hrd.get(key)?.value {
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// A key of an instance in lower case, without `instance.`.
pub(crate) fn short(key: &str) -> String {
    let key = key.to_lowercase();
    key.strip_prefix("instance.").unwrap_or(&key).to_owned()
}
