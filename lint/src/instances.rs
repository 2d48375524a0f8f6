//! `services/`: nodes and other instances; and `ays.toml`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ays_grammar::Span;
use ays_grammar::hrd;
use ays_model::near;
use ays_recipes::{Environment, Instance, NodeError, Origin, SettingsError, Text};

use crate::codes::{HRD_SYNTAX, NODE, NODE_PASSWORD, NODE_TWICE, SETTINGS, UNKNOWN_KEY, UNREADABLE};
use crate::mistake::Mistake;
use crate::place::at;
use crate::{place, text};

/// What a node's file may say.
const NODE_KEYS: [&str; 12] = [
    "instance.ip",
    "instance.ssh.port",
    "instance.ssh.gateway",
    "instance.ssh.shell",
    "instance.login",
    "instance.password",
    "instance.sshkey",
    "instance.gid",
    "instance.pool",
    "instance.stack",
    "instance.jumpscale",
    "service.category",
];

pub(crate) fn lint(environment: &Environment) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut files: HashMap<String, Text> = HashMap::new();
    let instances = environment.instances();
    let nodes = environment.nodes();
    let names: HashSet<&str> = nodes.iter().map(|(node, _)| node.as_str()).collect();
    for instance in instances {
        let path = instance.dir.join("service.hrd");
        let name = path.strip_prefix(&environment.root).unwrap_or(&path).display().to_string();
        let bytes = match environment.read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                found.push(Mistake::of_file(&UNREADABLE, name, format!("it cannot be read: {error}")));
                continue;
            }
        };
        let text = Text { name: name.clone(), bytes };
        match hrd::parse(&name, &text.bytes).and_then(|hrd| hrd.resolve(&name, &text.bytes)) {
            Ok(hrd) => {
                found.extend(text::lint(&hrd, &text));
                if names.contains(instance.name.as_str()) && instance.template.starts_with("node") {
                    found.extend(keys(&hrd, &text));
                }
            }
            Err(error) => found.push(Mistake::at(&HRD_SYNTAX, &error)),
        }
        files.insert(name, text);
    }
    for (index, (name, node)) in nodes.iter().enumerate() {
        if let Err(error) = node {
            found.extend(wrong(error, &files, instances, environment));
        }
        let is_twice = |at: usize| nodes.get(at).is_some_and(|(other, _)| other == name);
        if is_twice(index + 1) || index.checked_sub(1).is_some_and(is_twice) {
            let own = instances
                .iter()
                .filter(|instance| instance.name == **name && instance.template.starts_with("node"));
            found.extend(own.map(|instance| {
                let file = shown(environment, instance);
                Mistake::of_file(&NODE_TWICE, file, format!("several nodes are named `{name}`"))
            }));
        }
    }
    found
}

fn keys(hrd: &hrd::Hrd, text: &Text) -> Vec<Mistake> {
    let mut found = Vec::new();
    for entry in &hrd.entries {
        let key = entry.key.to_lowercase();
        let is_empty = place::part(text, entry.value_span).trim_matches(['\'', '"']).is_empty();
        if key == "instance.password" && !is_empty {
            let message = "a node's password lies in the repository, and nothing uses it";
            found.push(Mistake::at(&NODE_PASSWORD, &at(text, entry.key_span, message)));
        }
        if let Some(meant) = near(&key, NODE_KEYS).filter(|_| !NODE_KEYS.contains(&key.as_str())) {
            let message = format!("no key is named `{}`; did you mean `{meant}`?", entry.key);
            found.push(Mistake::at(&UNKNOWN_KEY, &at(text, entry.key_span, message)));
        }
    }
    found
}

/// What reading a node said, at its place.
fn wrong(
    error: &NodeError,
    files: &HashMap<String, Text>,
    instances: &[Instance],
    environment: &Environment,
) -> Option<Mistake> {
    let at_key = |file: &str, key: &str, message: String| {
        let text = files.get(file)?;
        let hrd = hrd::parse(file, &text.bytes).ok()?;
        let span = hrd.get(key).map_or(Span::new(0, 0), |entry| entry.key_span);
        Some(Mistake::at(&NODE, &at(text, span, message)))
    };
    match error {
        NodeError::Value { file, key, problem } => at_key(file, key, format!("`{key}` {problem}")),
        NodeError::GatewayCircle { name, .. } => {
            let instance = instances.iter().find(|instance| instance.name == **name)?;
            at_key(&shown(environment, instance), "instance.ssh.gateway", error.to_string())
        }
        // Which secrets are kept is a matter of who installs.
        NodeError::Secrets(_) | NodeError::NoSecret { .. } => None,
        // Told where the file itself was read.
        NodeError::Syntax(_) | NodeError::Unreadable { .. } | NodeError::Lookup(_) => None,
    }
}

fn shown(environment: &Environment, instance: &Instance) -> String {
    let path = instance.dir.join("service.hrd");
    path.strip_prefix(&environment.root).unwrap_or(&path).display().to_string()
}

/// The environment's own settings that cannot be used; none where the error is another file's.
pub(crate) fn settings(root: &Path, error: &SettingsError) -> Option<Mistake> {
    let own = root.join("ays.toml");
    let mut mistake = match error {
        SettingsError::Text(place) if Path::new(place.file()) == own => Mistake::at(&SETTINGS, place),
        SettingsError::Unreadable { path, source } if *path == own => {
            Mistake::of_file(&SETTINGS, "", format!("it cannot be read: {source}"))
        }
        SettingsError::NoPath { origin: Origin::File { path, line }, .. }
        | SettingsError::SystemPath { origin: Origin::File { path, line }, .. }
        | SettingsError::Authority { origin: Origin::File { path, line }, .. }
        | SettingsError::NoCertificate { origin: Origin::File { path, line }, .. }
            if *path == own =>
        {
            let message = error.to_string().replace(&format!("{}:{line}: ", path.display()), "");
            Mistake { line: *line, ..Mistake::of_file(&SETTINGS, "", message) }
        }
        _ => return None,
    };
    mistake.file = "ays.toml".to_owned();
    Some(mistake)
}
