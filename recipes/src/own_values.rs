//! The values of a service, as its `actions.py` sees them.

use ays_actions::Value;
use ays_grammar::hrd::{self, Hrd, Item};

/// `service.*` of the template's file, each text filled by `fill`.
pub(crate) fn own_values(service: &Hrd, fill: &dyn Fn(&str) -> String) -> Vec<(String, Value)> {
    let values = service.entries.iter().map(|entry| {
        let value = match &entry.value {
            hrd::Value::String(text) => Value::Str(fill(text)),
            hrd::Value::List(items) => list(items, fill),
            hrd::Value::Dict(pairs) => {
                let pair = |(key, item): &(String, Item)| (Value::Str(key.clone()), item_value(item, fill));
                Value::Dict(pairs.iter().map(pair).collect())
            }
            hrd::Value::Ask(_) => Value::Str(String::new()),
            hrd::Value::Bytes(bytes) => Value::Str(String::from_utf8_lossy(bytes).into_owned()),
        };
        (format!("service.{}", entry.key), value)
    });
    values.collect()
}

fn list(items: &[Item], fill: &dyn Fn(&str) -> String) -> Value {
    Value::List(items.iter().map(|item| item_value(item, fill)).collect())
}

fn item_value(item: &Item, fill: &dyn Fn(&str) -> String) -> Value {
    match item {
        Item::String(text) => Value::Str(fill(text)),
        Item::Int(number) => Value::Int(*number),
        Item::Float(number) => Value::Float(*number),
        Item::List(items) => list(items, fill),
    }
}
