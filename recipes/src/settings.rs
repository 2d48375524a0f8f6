//! `ays.toml`: what a team shares about an environment. No secrets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ays_grammar::{Diagnostic, Span};
use ays_node::DiskFormat;
use serde::Deserialize;

/// What every environment begins with; the documentation shows this file.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// Why `ays.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It is there but cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its text is not what it should be.
    #[error(transparent)]
    Syntax(#[from] Diagnostic),
    /// A pool's directory that no file may be put into.
    #[error("{path}: pool `{pool}`: path {dir:?} must be absolute and without `..`")]
    PoolPath {
        /// The file.
        path: PathBuf,
        /// The pool.
        pool: String,
        /// Its directory, as written.
        dir: PathBuf,
    },
}

/// A directory on nodes in which templates are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// The directory on the node.
    pub path: PathBuf,
    /// What its files are.
    pub format: DiskFormat,
    /// Whether all nodes of a grid that name it see the same directory.
    pub shared: bool,
}

/// The settings of an environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The environment's name; without one it is the repository's.
    pub name: Option<String>,
    pools: BTreeMap<String, Pool>,
    values: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "accepted; grids' names are for the portal of a later issue")]
    grid: BTreeMap<String, Grid>,
    #[serde(default)]
    pool: BTreeMap<String, PoolTable>,
    #[serde(default)]
    system: toml::Table,
    #[serde(default)]
    values: toml::Table,
}

/// A site. Its name is for people; nodes name it by its number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grid {
    #[expect(dead_code, reason = "accepted, and shown by the portal in a later issue")]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolTable {
    path: PathBuf,
    #[serde(default = "raw")]
    format: DiskFormat,
    #[serde(default)]
    shared: bool,
}

fn raw() -> DiskFormat {
    DiskFormat::Raw
}

impl Settings {
    /// Reads `path` over the defaults; a file that is not there changes nothing.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(SettingsError::Unreadable { path: path.to_owned(), source }),
        };
        let mut settings = Self { name: None, pools: BTreeMap::new(), values: BTreeMap::new() };
        settings.overlay(Path::new("defaults.toml"), DEFAULTS)?;
        settings.overlay(path, &text)?;
        Ok(settings)
    }

    /// The pool of this name.
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.get(name)
    }

    /// The names of all pools.
    pub fn pool_names(&self) -> impl Iterator<Item = &str> {
        self.pools.keys().map(String::as_str)
    }

    /// What `$(key)` means in every recipe of the environment; `key` in lower case.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    fn overlay(&mut self, path: &Path, text: &str) -> Result<(), SettingsError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let span = Span { start: span.start, end: span.end };
            Diagnostic::new(&path.display().to_string(), text, span, error.message())
        })?;
        let File { name, grid: _, pool, system, values } = file;
        self.name = name.or(self.name.take());
        for (name, PoolTable { path: dir, format, shared }) in pool {
            let plain = dir.components().all(|part| !matches!(part, std::path::Component::ParentDir));
            if !dir.is_absolute() || !plain {
                return Err(SettingsError::PoolPath { path: path.to_owned(), pool: name, dir });
            }
            self.pools.insert(name.clone(), Pool { name, path: dir, format, shared });
        }
        flatten("system", &system, &mut self.values);
        flatten("", &values, &mut self.values);
        Ok(())
    }
}

/// `{paths: {base: x}}` becomes `system.paths.base = x`.
fn flatten(prefix: &str, table: &toml::Table, into: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key =
            if prefix.is_empty() { key.to_lowercase() } else { format!("{prefix}.{}", key.to_lowercase()) };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, into),
            toml::Value::String(text) => _ = into.insert(key, text.clone()),
            other => _ = into.insert(key, other.to_string()),
        }
    }
}
