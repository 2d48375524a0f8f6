//! The keys of a `service.hrd`, and of what its dicts hold.

use std::collections::HashSet;

use ays_grammar::hrd::{Hrd, Value};
use ays_model::near;
use ays_recipes::{Text, looks_like_a_check};

use crate::codes::{UNKNOWN_KEY, UNKNOWN_PLATFORM};
use crate::mistake::Mistake;
use crate::pairs::pairs;
use crate::place::{at, within};

/// Keys that have a meaning, without their numbers.
const KEYS: [&str; 18] = [
    "platform.supported",
    "web.export",
    "git.export",
    "git.build",
    "git.url",
    "ubuntu.packages",
    "ubuntu.apt.source",
    "ubuntu.apt.key.pub",
    "ubuntu.apt.update",
    "ubuntu.apt.upgrade",
    "process",
    "env.process",
    "dependencies",
    "category",
    "description",
    "instances.maxnr",
    "producer",
    "domain",
];

/// Prefixes under which nobody has keys of his own.
const CLOSED: [&str; 2] = ["web.export.", "platform."];

/// What the dicts of a numbered key hold.
const PAIRS: [(&str, &[&str]); 5] = [
    (
        "web.export",
        &[
            "url", "source", "dest", "checkmd5", "md5", "sha1", "sha256", "sha384", "sha512", "sums",
            "signed", "file", "member", "product", "item", "arch", "tokens",
        ],
    ),
    (
        "git.export",
        &[
            "url",
            "branch",
            "revision",
            "tag",
            "depth",
            "source",
            "dest",
            "link",
            "nodirs",
            "overwrite",
            "platform",
            "merge",
        ],
    ),
    ("git.build", &["url", "branch", "revision", "tag", "depth", "source", "dest"]),
    (
        "process",
        &[
            "name",
            "cmd",
            "args",
            "env",
            "prio",
            "cwd",
            "timeout_start",
            "timeout_stop",
            "ports",
            "urls",
            "startupmanager",
            "filterstr",
            "user",
            "platform",
        ],
    ),
    ("dependencies", &["name", "domain", "instance", "args", "type"]),
];

/// Operating systems as nodes name theirs, and what they are a part of.
const PLATFORMS: [&str; 34] = [
    "generic",
    "unix",
    "linux",
    "ubuntu",
    "debian",
    "mint",
    "linuxmint",
    "centos",
    "rhel",
    "redhat",
    "fedora",
    "rocky",
    "almalinux",
    "alpine",
    "arch",
    "suse",
    "opensuse",
    "sles",
    "gentoo",
    "darwin",
    "osx",
    "freebsd",
    "win",
    "windows",
    "solaris",
    "esx",
    "cygwin",
    "kali",
    "raspbian",
    "nixos",
    "void",
    "amzn",
    "ol",
    "mac",
];

/// `others` are the template's other texts, which may use a key of its own.
pub(crate) fn lint(hrd: &Hrd, text: &Text, others: &[&Text]) -> Vec<Mistake> {
    let mut found = Vec::new();
    let used = used(text, others);
    for entry in &hrd.entries {
        let key = entry.key.to_lowercase();
        let key = key.strip_prefix("service.").unwrap_or(&key);
        let stem = without_number(key);
        if KEYS.contains(&stem) {
            if stem == key && matches!(stem, "web.export" | "git.export") {
                let message = format!("`{}` has no number, so nothing is done with it", entry.key);
                let cure = format!("write `{stem}.1`");
                found.push(Mistake::at(&UNKNOWN_KEY, &at(text, entry.key_span, message).with_help(cure)));
            }
        } else {
            let meant = near(stem, KEYS);
            let is_suspect = meant.is_some() || CLOSED.iter().any(|prefix| key.starts_with(prefix));
            if is_suspect && !used.contains(key) && !others.iter().any(|other| mentions(other, key)) {
                let number = &key[stem.len()..];
                let meant =
                    meant.map(|meant| format!("; did you mean `{meant}{number}`?")).unwrap_or_default();
                let message = format!("no key is named `{}`{meant}", entry.key);
                found.push(Mistake::at(&UNKNOWN_KEY, &at(text, entry.key_span, message)));
            }
        }
        let Some((_, known)) = PAIRS.iter().find(|(prefix, _)| *prefix == stem) else { continue };
        for pair in pairs(text, entry).iter().filter(|pair| !pair.is_glued) {
            let name = pair.name.to_lowercase();
            let message = match near(&name, known.iter().copied()) {
                _ if known.contains(&name.as_str()) => continue,
                // That is told as what it is.
                _ if stem == "web.export" && looks_like_a_check(&name) => continue,
                Some(meant) => {
                    format!("`{}` is no key of `{}`; did you mean `{meant}`?", pair.name, entry.key)
                }
                None => continue,
            };
            found.push(Mistake::at(&UNKNOWN_KEY, &at(text, pair.span, message)));
        }
    }
    found
}

/// Platforms that no node has.
pub(crate) fn platforms(listed: &[String], hrd: &Hrd, text: &Text) -> Vec<Mistake> {
    let Some(entry) = hrd.get("platform.supported") else { return Vec::new() };
    let is_known = |name: &str| PLATFORMS.contains(&name.trim_end_matches("64").trim_end_matches("32"));
    let unknown = listed.iter().filter(|name| !name.contains("$(") && !is_known(name));
    let wrong = unknown.map(|name| {
        let all =
            PLATFORMS.iter().flat_map(|name| [(*name).to_owned(), format!("{name}64")]).collect::<Vec<_>>();
        let meant = near(name, all.iter().map(String::as_str));
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        let message = format!("no node has the platform `{name}`{meant}");
        Mistake::at(&UNKNOWN_PLATFORM, &at(text, within(text, entry.value_span, name), message))
    });
    wrong.collect()
}

/// `web.export` for `web.export.1`.
pub(crate) fn without_number(key: &str) -> &str {
    match key.rsplit_once('.') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => stem,
        _ => key,
    }
}

/// The keys that `$(..)` refers to, and those that a dependency takes its arguments from.
fn used(text: &Text, others: &[&Text]) -> HashSet<String> {
    let mut used = HashSet::new();
    for text in others.iter().copied().chain([text]) {
        let text = String::from_utf8_lossy(&text.bytes).to_lowercase();
        for (at, _) in text.match_indices("$(") {
            let name = text[at + 2..].split(')').next().unwrap_or_default();
            used.insert(name.strip_prefix("service.").unwrap_or(name).to_owned());
        }
    }
    used
}

fn mentions(text: &Text, key: &str) -> bool {
    String::from_utf8_lossy(&text.bytes).to_lowercase().contains(key)
}

/// The text of a value that is one.
pub(crate) fn string(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
