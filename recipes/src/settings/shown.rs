//! Settings as operators see them.

use toml::Value;

use super::keys;
use super::layers::{Entries, Entry, Origin};

/// One key as an operator sees it.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The names that lead to it: `["install", "parallel"]`.
    pub path: Vec<String>,
    /// Its value, without the logins in addresses.
    pub value: Value,
    /// Where the value is from.
    pub origin: Origin,
}

impl Setting {
    /// The section as a file writes it in brackets; empty: none.
    pub fn section(&self) -> String {
        written(&self.path[..self.path.len().saturating_sub(1)])
    }

    /// The key in its section: `parallel`.
    pub fn name(&self) -> String {
        written(&self.path[self.path.len().saturating_sub(1)..])
    }

    /// The whole key: `install.parallel`.
    pub fn key(&self) -> String {
        written(&self.path)
    }
}

/// Names as TOML writes them.
pub(super) fn written(path: &[String]) -> String {
    let bare = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    let name = |name: &String| if bare(name) { name.clone() } else { format!("{name:?}") };
    path.iter().map(name).collect::<Vec<_>>().join(".")
}

/// All keys, those of no section first, then by section.
pub(super) fn all(entries: Entries) -> Vec<Setting> {
    let shown = |(path, entry): (Vec<String>, Entry)| Setting {
        path,
        value: keys::shown(entry.kind, entry.value),
        origin: entry.origin,
    };
    let mut all: Vec<_> = entries.into_iter().map(shown).collect();
    all.sort_by_cached_key(|setting| (setting.section(), setting.key()));
    all
}
