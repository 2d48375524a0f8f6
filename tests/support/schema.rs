//! What `ays` prints with `--json`, held against its schema in `docs/schemas/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jsonschema::Validator;
use serde_json::Value;

/// The verbs that have verbs of their own.
const GROUPS: [&str; 16] = [
    "account",
    "publication",
    "actions",
    "webhook",
    "user",
    "job",
    "schedule",
    "catalogue",
    "image",
    "node",
    "pool",
    "stack",
    "env",
    "config",
    "secret",
    "hrd",
];

/// The verbs of services that are installed.
const SERVICE: [&str; 15] = [
    "start",
    "stop",
    "restart",
    "status",
    "monitor",
    "prepare",
    "configure",
    "build",
    "cleanup",
    "execute",
    "export",
    "import",
    "removedata",
    "uninstall",
    "reset",
];

/// The verbs that print a value a line.
const STREAMS: [&str; 5] = ["job-follow", "install", "install-rehearse", "scrub", "node-check"];

/// The directory of the schemas.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas")
}

/// A schema by the name of its output.
pub fn schema(name: &str) -> Value {
    let path = directory().join(format!("{name}.schema.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the output of a command is called; none where it is no JSON.
fn name(arguments: &[&str]) -> Option<String> {
    let has = |word: &str| arguments.contains(&word);
    if !has("--json") {
        return None;
    }
    let verb = *arguments.first()?;
    Some(match verb {
        "install" if has("--rehearse") => "install-rehearse".to_owned(),
        "install" if has("--dry-run") => "install-dry-run".to_owned(),
        // It prints what an install prints.
        "image" if has("add") => "install".to_owned(),
        "publish" if has("--plan") => "publish-plan".to_owned(),
        "publication" if has("retry") => "publish".to_owned(),
        "mdupdate" => "env-pull".to_owned(),
        "update" => "install".to_owned(),
        "plan" => "install-dry-run".to_owned(),
        verb if SERVICE.contains(&verb) => "service".to_owned(),
        group if GROUPS.contains(&group) => format!("{group}-{}", arguments.get(1)?),
        verb => verb.to_owned(),
    })
}

/// Fails unless what a command printed is what its schema says.
pub fn validate(arguments: &[&str], stdout: &str) {
    let Some(name) = name(arguments).filter(|_| !stdout.is_empty()) else { return };
    let schema = jsonschema::validator_for(&schema(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    if STREAMS.contains(&name.as_str()) {
        // A program that was killed may have left half a line.
        let whole = stdout.rfind('\n').map_or("", |end| &stdout[..end]);
        whole.lines().for_each(|line| check(&name, &schema, line));
    } else {
        check(&name, &schema, stdout);
    }
}

fn check(name: &str, schema: &Validator, text: &str) {
    let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"));
    let wrong: Vec<_> =
        schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(wrong.is_empty(), "{name} is not as docs/schemas says: {wrong:#?}\n{value:#}");
}
