//! Real files, read as AYS read them.

mod support;

use std::collections::BTreeSet;

use ays_grammar::hrd;
use serde_json::Value;

const VECTORS: &str = include_str!("../../fixtures/hrd-vectors.jsonl");

#[test]
fn real_files_read_as_ays_read_them() {
    let mut differences = Vec::new();
    for line in VECTORS.lines() {
        let vector: Value = serde_json::from_str(line).expect("a vector is JSON");
        let file = vector["file"].as_str().expect("a vector names its file");
        let text = vector["text"].as_str().expect("a vector holds its text");
        let entries = vector["entries"].as_object().expect("a vector holds its entries");
        let read = hrd::parse(file, text.as_bytes()).and_then(|hrd| hrd.resolve(file, text.as_bytes()));
        let read = match read {
            Ok(hrd) => support::hrd_json(&hrd),
            Err(error) => {
                differences.push(error.to_string());
                continue;
            }
        };
        for key in entries.keys().chain(read.keys()).collect::<BTreeSet<_>>() {
            let mut got = read.get(key).cloned().unwrap_or_default();
            let wanted = entries.get(key).cloned().unwrap_or_default();
            if got["type"] == "ask" {
                // AYS recorded no value for a question.
                got.as_object_mut().expect("an entry is an object").remove("value");
            }
            if got != wanted {
                differences.push(format!("{file}: {key}\n  wanted {wanted}\n  got    {got}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
