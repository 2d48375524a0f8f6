//! The layers that settings are made of: the later wins key by key, and every key remembers where its value is from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ays_grammar::{Diagnostic, Span};
use serde::Deserialize;
use toml::Value;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::keys::{self, Found, Kind};
use super::source;
use super::{DEFAULTS, SettingsError};
use crate::names::LookupError;

/// What lies over the defaults and under or over the environment's `ays.toml`. The program gives it: nothing here
/// looks for files or reads its own environment.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Files under `ays.toml`, the later wins; one that is not there changes nothing.
    pub files: Vec<PathBuf>,
    /// Variables over `ays.toml`: `AYS_INSTALL_PARALLEL` is `install.parallel`. Those that begin with no known section
    /// are for others, and are left alone.
    pub variables: Vec<(String, String)>,
    /// Over all.
    pub flags: Vec<Flag>,
}

/// A value that the command line gives.
#[derive(Debug, Clone)]
pub struct Flag {
    /// The key, such as `install.parallel`.
    pub key: &'static str,
    /// What the operator wrote, such as `--parallel`.
    pub flag: &'static str,
    /// The value, as written.
    pub value: String,
}

/// Where a value is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// A file.
    File {
        /// The file.
        path: PathBuf,
        /// The line of the key, from 1.
        line: usize,
    },
    /// A variable of this name.
    Variable(String),
    /// A flag of this name.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// A key with the value that won.
pub(super) struct Entry {
    pub kind: Kind,
    pub value: Value,
    pub origin: Origin,
}

/// All keys by the names that lead to them.
pub(super) type Entries = BTreeMap<Vec<String>, Entry>;

/// Puts all layers over each other.
pub(super) fn merge(layers: &Layers, ays_toml: Option<&Path>) -> Result<Entries, SettingsError> {
    let mut entries = Entries::new();
    Layer { path: None, text: DEFAULTS, from: Writer::Operator }.put(&mut entries)?;
    let own = layers.files.iter().map(|path| (path.as_path(), Writer::Operator));
    for (path, from) in own.chain(ays_toml.map(|path| (path, Writer::Repository))) {
        match std::fs::read_to_string(path) {
            Ok(text) => Layer { path: Some(path), text: &text, from }.put(&mut entries)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(SettingsError::Unreadable { path: path.to_owned(), source }),
        }
    }
    for (name, words) in &layers.variables {
        put_variable(&mut entries, name, words)?;
    }
    for Flag { key, flag, value } in &layers.flags {
        let path: Vec<_> = key.split('.').map(str::to_owned).collect();
        let entry = entries.get_mut(&path).ok_or_else(|| keys::unknown(&path))?;
        entry.replace(flag, value, Origin::Flag(flag))?;
    }
    Ok(entries)
}

/// The name of the variable that sets a key.
fn variable(path: &[String]) -> String {
    let name = format!("AYS_{}", path.join("_"));
    name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn put_variable(entries: &mut Entries, name: &str, words: &str) -> Result<(), SettingsError> {
    if let Some((_, entry)) = entries.iter_mut().find(|(path, _)| variable(path) == name) {
        return entry.replace(name, words, Origin::Variable(name.to_owned()));
    }
    let prefix = |section: &str| format!("AYS_{}_", section.to_uppercase());
    match keys::sections().map(prefix).find(|prefix| name.starts_with(prefix)) {
        None => Ok(()),
        Some(prefix) => {
            let known: Vec<_> = entries.keys().map(|path| variable(path)).collect();
            let known = known.iter().map(String::as_str).filter(|known| known.starts_with(&prefix));
            Err(LookupError::unknown("variable", name, known).into())
        }
    }
}

impl Entry {
    fn replace(&mut self, name: &str, words: &str, origin: Origin) -> Result<(), SettingsError> {
        let value = keys::from_words(self.kind, words);
        keys::check(self.kind, &value)
            .map_err(|problem| SettingsError::Words { name: name.to_owned(), problem })?;
        (self.value, self.origin) = (value, origin);
        Ok(())
    }
}

/// One file.
struct Layer<'a> {
    /// None: the defaults.
    path: Option<&'a Path>,
    text: &'a str,
    from: Writer,
}

/// Who writes a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Who owns this machine, or this account on it.
    Operator,
    /// Whoever can push to the environment's repository.
    Repository,
}

impl Layer<'_> {
    fn put(&self, entries: &mut Entries) -> Result<(), SettingsError> {
        let table = DeTable::parse(self.text)
            .map_err(|error| self.wrong(error.span().unwrap_or_default(), error.message()))?;
        self.put_table(table.into_inner(), &mut Vec::new(), entries)
    }

    fn put_table(
        &self,
        table: DeTable<'_>,
        parents: &mut Vec<String>,
        entries: &mut Entries,
    ) -> Result<(), SettingsError> {
        for (key, value) in table {
            let mut name = key.get_ref().to_string();
            match parents.first().map(String::as_str) {
                Some("source") if parents.len() == 1 => {
                    let begins =
                        source::beginning(&name).map_err(|problem| self.wrong(key.span(), problem))?;
                    source::shown(&begins).clone_into(&mut name);
                }
                Some("system" | "values") => name = name.to_lowercase(),
                _ => {}
            }
            parents.push(name);
            let found = keys::find(parents)
                .ok_or_else(|| self.wrong(key.span(), &keys::unknown(parents).to_string()))?;
            let span = value.span();
            match (found, value.get_ref()) {
                (Found::Section | Found::Key(Kind::Free), DeValue::Table(_)) => {
                    if let DeValue::Table(table) = value.into_inner() {
                        self.put_table(table, parents, entries)?;
                    }
                }
                (Found::Section, _) => {
                    return Err(self.wrong(span, "keys belong here, not a value"));
                }
                (Found::Key(kind), _) => {
                    if let (Some(why), Writer::Repository) = (kind.only_operators(), self.from) {
                        let message = format!(
                            "{why} no repository can say it: /etc/ays/config.toml or ~/.config/ays/config.toml can"
                        );
                        return Err(self.wrong(key.span(), &message));
                    }
                    let value = Value::deserialize(ValueDeserializer::from(value))
                        .map_err(|error| self.wrong(span.clone(), error.message()))?;
                    keys::check(kind, &value).map_err(|problem| self.wrong(span, problem))?;
                    let value = if kind == Kind::Files { self.beside(value) } else { value };
                    entries.insert(
                        parents.clone(),
                        Entry { kind, value, origin: self.origin(key.span().start) },
                    );
                }
            }
            parents.pop();
        }
        Ok(())
    }

    /// Paths as they are from this file.
    fn beside(&self, paths: Value) -> Value {
        let Some(directory) = self.path.and_then(Path::parent) else { return paths };
        match paths {
            Value::Array(paths) => Value::Array(paths.into_iter().map(|path| self.beside(path)).collect()),
            Value::String(path) => Value::String(directory.join(path).display().to_string()),
            other => other,
        }
    }

    fn origin(&self, at: usize) -> Origin {
        match self.path {
            None => Origin::Default,
            Some(path) => {
                let line = 1 + self.text[..at].matches('\n').count();
                Origin::File { path: path.to_owned(), line }
            }
        }
    }

    fn wrong(&self, span: std::ops::Range<usize>, message: &str) -> SettingsError {
        let name = self.path.unwrap_or(Path::new("defaults.toml")).display().to_string();
        let span = Span { start: span.start, end: span.end };
        Diagnostic::new(&name, &without_logins(self.text), span, message).into()
    }
}

/// The text with a `*` for each byte that may be a login's, whatever is wrong with the rest of its address.
fn without_logins(text: &str) -> String {
    let star = |c: char| match c {
        ' ' | '"' | '\'' | '[' => c.to_string(),
        c => "*".repeat(c.len_utf8()),
    };
    let hide = |line: &str| {
        let Some(end) = line.rfind('@') else { return line.to_owned() };
        let plain = |key: &str| !key.contains(['"', '\'', '@', ':']);
        let start = line.find('=').filter(|at| plain(&line[..*at])).map_or(0, |at| at + 1);
        let hidden: String = line[start..end].chars().map(star).collect();
        [&line[..start], &hidden, &line[end..]].concat()
    };
    text.split_inclusive('\n').map(hide).collect()
}
