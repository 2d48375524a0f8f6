//! The arrows between the crates: who may depend on whom, as ARCHITECTURE.md draws it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each crate with those that it may depend on.
const ALLOWED: [(&str, &[&str]); 22] = [
    ("model", &[]),
    ("files", &[]),
    ("secrets", &["files"]),
    ("grammar", &["model"]),
    ("protocol", &["model"]),
    ("signatures", &["model"]),
    ("disk", &["model"]),
    ("unpack", &[]),
    ("helper", &["disk", "model", "protocol", "signatures", "unpack"]),
    ("transport", &["model", "protocol"]),
    ("actions", &["grammar", "model"]),
    ("catalogue", &["model"]),
    ("repository", &["model"]),
    ("recipes", &["actions", "files", "grammar", "model", "repository", "secrets", "signatures"]),
    ("lint", &["actions", "grammar", "model", "recipes"]),
    ("engine", &["actions", "catalogue", "grammar", "model", "protocol", "recipes", "transport"]),
    (
        "operations",
        &[
            "actions",
            "catalogue",
            "engine",
            "files",
            "grammar",
            "lint",
            "model",
            "protocol",
            "publish",
            "recipes",
            "repository",
            "secrets",
            "transport",
        ],
    ),
    ("publish", &["catalogue", "model", "protocol", "transport"]),
    ("jobs", &["catalogue", "engine", "model", "operations", "transport"]),
    ("server", &["catalogue", "engine", "jobs", "model", "operations"]),
    ("portal", &["catalogue", "engine", "lint", "model", "operations", "publish", "recipes", "server"]),
    (
        "fuzz",
        &["actions", "catalogue", "disk", "grammar", "helper", "model", "protocol", "signatures", "unpack"],
    ),
];

/// The crates of the workspace that a manifest names among its dependencies, without the prefix `ays-`.
fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
    let names = dependencies.into_iter().flat_map(toml::Table::keys);
    names.filter_map(|name| name.strip_prefix("ays-")).map(str::to_owned).collect()
}

#[test]
fn no_arrow_points_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    for member in members.iter().map(|member| member.as_str().unwrap()) {
        let allowed = allowed.get(member).unwrap_or_else(|| panic!("{member} is new: say what it may know"));
        for dependency in dependencies(&root.join(member).join("Cargo.toml")) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{member} depends on {dependency}: that arrow is new"
            );
        }
    }
}
