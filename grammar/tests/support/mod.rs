//! HRD as JSON, in the form that `ays hrd show --json` prints.

use ays_grammar::hrd::{Hrd, Item, Value};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value as Json, json};

/// `{"key": {"type": .., "value": ..}}`; the last entry of a key counts.
pub fn hrd_json(hrd: &Hrd) -> Map<String, Json> {
    let mut out = Map::new();
    for entry in &hrd.entries {
        let (kind, value) = match &entry.value {
            Value::String(text) => ("string", json!(text)),
            Value::List(items) => ("list", items.iter().map(item_json).collect()),
            Value::Dict(pairs) => (
                "dict",
                Json::Object(pairs.iter().map(|(key, item)| (key.clone(), item_json(item))).collect()),
            ),
            Value::Ask(ask) => ("ask", json!(ask.text)),
            Value::Bytes(bytes) => ("bytes", json!(BASE64_STANDARD.encode(bytes))),
        };
        out.insert(entry.key.clone(), json!({"type": kind, "value": value}));
    }
    out
}

fn item_json(item: &Item) -> Json {
    match item {
        Item::String(text) => json!(text),
        Item::Int(number) => json!(number),
        Item::Float(number) => json!(number),
        Item::List(items) => items.iter().map(item_json).collect(),
    }
}
