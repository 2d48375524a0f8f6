//! `ays hrd`

use std::path::PathBuf;

use ays_grammar::hrd::{self, Hrd, Item, Value};
use base64::Engine;
use serde_json::{Map, json};

use crate::failure::Failure;
use crate::render::table;

/// Reads HRD files
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Shows the keys, types and values of a file, with references within it resolved; secrets too
    Show {
        /// The file
        file: PathBuf,
        /// Print JSON: {"key": {"type": "string|list|dict|ask|bytes", "value": ..}}
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let Command::Show { file, json } = &args.command;
    let bytes = std::fs::read(file).map_err(|source| Failure::Unreadable { path: file.clone(), source })?;
    let name = file.display().to_string();
    let hrd = hrd::parse(&name, &bytes)?.resolve(&name, &bytes)?;
    let entries = entries(&hrd);
    if *json {
        return table::json(&entries);
    }
    let rows = entries.into_iter().map(|(key, entry)| {
        let value = match &entry["value"] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        vec![key, entry["type"].as_str().unwrap_or_default().to_owned(), value]
    });
    table::print(&["KEY", "TYPE", "VALUE"], rows)
}

/// Keys as written, in the file's order; of a key that is given twice the last one counts.
fn entries(hrd: &Hrd) -> Map<String, serde_json::Value> {
    let mut entries = Map::new();
    let mut written = std::collections::HashMap::new();
    for entry in &hrd.entries {
        if let Some(before) = written.insert(entry.key.to_lowercase(), entry.key.clone()) {
            entries.shift_remove(&before);
        }
        entries.insert(entry.key.clone(), value(&entry.value));
    }
    entries
}

fn value(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => json!({"type": "string", "value": text}),
        Value::List(items) => json!({"type": "list", "value": items.iter().map(item).collect::<Vec<_>>()}),
        Value::Dict(pairs) => {
            let pairs: Map<_, _> = pairs.iter().map(|(key, value)| (key.clone(), item(value))).collect();
            json!({"type": "dict", "value": pairs})
        }
        Value::Ask(ask) => json!({"type": "ask", "value": ask.text}),
        Value::Bytes(bytes) => {
            json!({"type": "bytes", "value": base64::engine::general_purpose::STANDARD.encode(bytes)})
        }
    }
}

fn item(item: &Item) -> serde_json::Value {
    match item {
        Item::String(text) => json!(text),
        Item::Int(number) => json!(number),
        Item::Float(number) => json!(number),
        Item::List(items) => items.iter().map(self::item).collect(),
    }
}
