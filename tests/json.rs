//! What programs read: each verb with `--json`, held against its schema, and the rule for the names in schemas.

use std::fs;

use serde_json::Value;

use crate::support::{Ays, Environment, Lab, schema};

/// The properties that a schema names.
fn properties(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                if let ("properties", Value::Object(named)) = (key.as_str(), value) {
                    found.extend(named.keys().cloned());
                }
                properties(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
        _ => {}
    }
}

#[test]
fn fields_are_in_camel_case() {
    for file in fs::read_dir(schema::directory()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let schema = schema::schema(name.strip_suffix(".schema.json").unwrap());
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut found = Vec::new();
        properties(&schema, &mut found);
        // AYS's own name.
        found.retain(|field| field != "UNCPath");
        let is_camel = |field: &String| {
            field.starts_with(|c: char| c.is_ascii_lowercase())
                && field.chars().all(|c| c.is_ascii_alphanumeric())
        };
        let wrong: Vec<_> = found.iter().filter(|field| !is_camel(field)).collect();
        assert!(
            !found.is_empty()
                || ["fmt", "hrd-show", "hrdpath", "resetstate"].iter().any(|free| name.starts_with(free)),
            "{name}"
        );
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

/// Those that need no node; the other stories have the rest. Each output is validated where `ays` is run.
#[test]
fn every_verb_prints_what_its_schema_says() {
    let lab = Lab::new();
    let environment = Environment::new(&lab);
    environment.write("a.hrd", "x = 1\ny = 'a'\nz = 1, 2\nd = a:1, b:2\n");
    let ays = Ays::new(&lab, &environment, &[]);
    fs::write(ays.home().join(".gitconfig"), "[user]\nname = us\nemail = us@example.org\n").unwrap();
    ays.feed(&["secret", "set", "one"], "1\n");
    let clone = lab.dir().join("clone").display().to_string();
    let made = lab.dir().join("made").display().to_string();
    let bare = lab.dir().join("jumpscale.git").display().to_string();
    for command in [
        &["list"][..],
        &["nodes"],
        &["runs"],
        &["outdated"],
        &["image", "list"],
        &["image", "prune"],
        &["stack", "list"],
        &["audit"],
        &["scrub"],
        &["lint"],
        &["actions", "functions"],
        &["actions", "functions", "hrd"],
        &["explain"],
        &["explain", "same-stem"],
        &["fmt", "--check"],
        &["config", "show"],
        &["secret", "list"],
        &["hrd", "show", "a.hrd"],
        &["hrdpath", "-n", "image_wily-server"],
        &["resetstate", "-n", "image_wily-server"],
        &["plan", "-n", "image_wily-server"],
        &["status"],
        &["env", "status"],
        &["env", "pull"],
        &["mdupdate"],
        &["env", "save", "-m", "a change"],
        &["env", "save", "-m", "no change"],
        &["env", "clone", &bare, &clone],
        &["env", "init", &made],
    ] {
        let output = ays.run(&[command, &["--json"]].concat());
        assert!(matches!(output.code, Some(0 | 3)), "{command:?}: {output:#?}");
        assert!(!output.stdout.is_empty() || command == ["scrub"], "{command:?}: {output:#?}");
    }
}
