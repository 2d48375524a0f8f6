//! Which keys there are, and what each may say.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Component, PathBuf};
use std::time::Duration;

use ays_model::{DiskFormat, Scheme, SecretUrl, UserName};
use bytesize::ByteSize;
use toml::Value;

use super::database::DatabaseUrl;
use crate::names::LookupError;

/// What a key's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Database,
    Directory,
    Directories,
    Format,
    Truth,
    User,
    Count,
    Keep,
    Patience,
    Size,
    Limit,
    Proxy,
    Files,
    Mirrors,
    /// Runs on this machine.
    Command,
    /// What recipes may do that they may not elsewhere.
    Permission,
    /// Whatever a recipe may ask for by `$(..)`.
    Free,
}

impl Kind {
    /// Why the environment's repository may not say it, where it may not.
    pub const fn only_operators(self) -> Option<&'static str> {
        match self {
            Self::Command => Some("it is run on this machine, so"),
            Self::Permission => Some("it permits what recipes ask for, so"),
            _ => None,
        }
    }
}

/// All keys: `*` is a name that the writer chooses, `**` any number of them.
const KEYS: [(&str, Kind); 31] = [
    ("name", Kind::Text),
    ("database", Kind::Database),
    ("install.parallel", Kind::Count),
    ("recipes.system_paths", Kind::Permission),
    ("ssh.keep", Kind::Keep),
    ("fetch.http_proxy", Kind::Proxy),
    ("fetch.https_proxy", Kind::Proxy),
    ("fetch.no_proxy", Kind::Text),
    ("fetch.ca", Kind::Files),
    ("fetch.limit", Kind::Limit),
    ("fetch.stall_rate", Kind::Size),
    ("fetch.stall_time", Kind::Patience),
    ("fetch.tries", Kind::Count),
    ("fetch.share", Kind::Truth),
    ("source.*.mirrors", Kind::Mirrors),
    ("source.*.http_proxy", Kind::Proxy),
    ("source.*.https_proxy", Kind::Proxy),
    ("source.*.no_proxy", Kind::Text),
    ("source.*.ca", Kind::Files),
    ("source.*.limit", Kind::Limit),
    ("scrub.rate", Kind::Limit),
    ("jobs.keep", Kind::Keep),
    ("secrets.command", Kind::Command),
    ("pool.*.path", Kind::Directory),
    ("pool.*.format", Kind::Format),
    ("pool.*.shared", Kind::Truth),
    ("pool.*.user", Kind::User),
    ("pool.*.users", Kind::Directories),
    // For people; nodes name a grid by its number.
    ("grid.*.name", Kind::Text),
    ("system.**", Kind::Free),
    ("values.**", Kind::Free),
];

/// What a path of names leads to.
pub(super) enum Found {
    Section,
    Key(Kind),
}

/// What `path` leads to; none: there is no such key.
pub(super) fn find(path: &[String]) -> Option<Found> {
    KEYS.iter().find_map(|(pattern, kind)| follow(pattern, path, *kind))
}

fn follow(pattern: &str, path: &[String], kind: Kind) -> Option<Found> {
    let mut names = pattern.split('.');
    for part in path {
        match names.next()? {
            "**" => return Some(Found::Key(kind)),
            "*" => {}
            name if name == part => {}
            _ => return None,
        }
    }
    Some(if names.next().is_none() { Found::Key(kind) } else { Found::Section })
}

/// The first name of all keys that stand in a section.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|(pattern, _)| pattern.split_once('.')).map(|(section, _)| section)
}

/// What is said of a path that leads to no key: names that may stand there, else whole keys.
pub(super) fn unknown(path: &[String]) -> LookupError {
    let Some((last, parents)) = path.split_last() else { return LookupError::unknown("key", "", []) };
    let beside = KEYS.iter().filter(|(pattern, kind)| follow(pattern, parents, *kind).is_some());
    let beside = beside.filter_map(|(pattern, _)| pattern.split('.').nth(parents.len()));
    let error = LookupError::unknown("key", last, beside.filter(|name| !name.starts_with('*')));
    match &error {
        LookupError::Unknown { near, .. } if near.is_empty() => {
            LookupError::unknown("key", last, KEYS.iter().map(|(pattern, _)| *pattern))
        }
        _ => error,
    }
}

/// Why a value is not what its key can have. It holds nothing of the value, which may hold a password.
pub(super) type Problem = &'static str;

/// Whether a key of this kind can have the value.
pub(super) fn check(kind: Kind, value: &Value) -> Result<(), Problem> {
    match kind {
        Kind::Text => text(value).map(drop),
        Kind::Database => database(value).map(drop),
        Kind::Directory => directory(value).map(drop),
        Kind::Format => format(value).map(drop),
        Kind::Truth => truth(value).map(drop),
        Kind::User => user(value).map(drop),
        Kind::Count => count(value).map(drop),
        Kind::Keep => time(value).map(drop),
        Kind::Patience => patience(value).map(drop),
        Kind::Size => size(value).map(drop),
        Kind::Limit => limit(value).map(drop),
        Kind::Proxy => proxy(value).map(drop),
        Kind::Files => texts(value).map(drop),
        Kind::Mirrors => mirrors(value).map(drop),
        Kind::Command => command(value).map(drop),
        Kind::Permission | Kind::Directories => directories(value).map(drop),
        Kind::Free => Ok(()),
    }
}

/// A value as a variable or a flag gives it.
pub(super) fn from_words(kind: Kind, words: &str) -> Value {
    let text = || Value::String(words.to_owned());
    match kind {
        Kind::Truth => words.parse().map_or_else(|_| text(), Value::Boolean),
        Kind::Count => words.parse().map_or_else(|_| text(), Value::Integer),
        Kind::Command => {
            Value::Array(words.split_whitespace().map(|word| Value::String(word.to_owned())).collect())
        }
        Kind::Files | Kind::Mirrors | Kind::Permission | Kind::Directories => {
            let parts = words.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => text(),
    }
}

/// A value as everybody may see it: without the logins in its addresses.
pub(super) fn shown(kind: Kind, value: Value) -> Value {
    match (kind, value) {
        (Kind::Database, Value::String(text)) => Value::String(DatabaseUrl::shown(&text)),
        (Kind::Proxy | Kind::Mirrors, Value::String(text)) => {
            Value::String(SecretUrl::parse(&text).map_or(text, |url| url.to_string()))
        }
        (Kind::Mirrors, Value::Array(values)) => {
            Value::Array(values.into_iter().map(|value| shown(kind, value)).collect())
        }
        (_, Value::Datetime(at)) => Value::String(at.to_string()),
        (_, value) => value,
    }
}

/// How requests leave a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proxy {
    /// As its own environment says.
    AsNodeSays,
    Direct,
    Through(SecretUrl),
}

pub(super) fn text(value: &Value) -> Result<&str, Problem> {
    value.as_str().ok_or("must be text in quotes")
}

pub(super) fn database(value: &Value) -> Result<Option<DatabaseUrl>, Problem> {
    match text(value)? {
        "" => Ok(None),
        text => DatabaseUrl::parse(text).map(Some),
    }
}

pub(super) fn texts(value: &Value) -> Result<Vec<&str>, Problem> {
    let values = value.as_array().ok_or("must be a list of texts")?;
    values.iter().map(|value| value.as_str().ok_or("must be a list of texts")).collect()
}

pub(super) fn command(value: &Value) -> Result<Vec<String>, Problem> {
    let words = texts(value)?;
    let names_it = |arguments: &[&str]| arguments.iter().any(|argument| argument.contains("{}"));
    if words.split_first().is_some_and(|(program, arguments)| program.is_empty() || !names_it(arguments)) {
        return Err("must be a program and its arguments, one of them with {} for the secret's name");
    }
    Ok(words.into_iter().map(str::to_owned).collect())
}

pub(super) fn directory(value: &Value) -> Result<PathBuf, Problem> {
    let path = PathBuf::from(text(value)?);
    let plain = path.components().all(|part| part != Component::ParentDir);
    if path.is_absolute() && plain { Ok(path) } else { Err("must be absolute and without `..`") }
}

pub(super) fn directories(value: &Value) -> Result<Vec<PathBuf>, Problem> {
    let paths = texts(value)?.into_iter().map(|path| directory(&Value::String(path.to_owned())));
    paths.collect()
}

pub(super) fn format(value: &Value) -> Result<DiskFormat, Problem> {
    match text(value)? {
        "raw" => Ok(DiskFormat::Raw),
        "qcow2" => Ok(DiskFormat::Qcow2),
        _ => Err("must be \"raw\" or \"qcow2\""),
    }
}

pub(super) fn truth(value: &Value) -> Result<bool, Problem> {
    value.as_bool().ok_or("must be true or false")
}

pub(super) fn user(value: &Value) -> Result<UserName, Problem> {
    let name = text(value)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+' | '$');
    // One that begins with `-` would be an option of the program that is asked for it.
    let is_name = !name.is_empty() && !name.starts_with('-') && name.len() <= 255 && name.chars().all(plain);
    if is_name { Ok(name.into()) } else { Err("must be a user's name such as \"libvirt-qemu\"") }
}

pub(super) fn count(value: &Value) -> Result<NonZeroU32, Problem> {
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok());
    number.and_then(NonZeroU32::new).ok_or("must be a whole number from 1 up")
}

pub(super) fn parallel(value: &Value) -> Result<NonZeroUsize, Problem> {
    NonZeroUsize::try_from(count(value)?).map_err(|_| "is too large")
}

pub(super) fn time(value: &Value) -> Result<Duration, Problem> {
    let time = humantime::parse_duration(text(value)?).ok().filter(|time| time.subsec_nanos() == 0);
    time.ok_or("must be a time such as \"60s\", \"5m\" or \"1h\"")
}

pub(super) fn patience(value: &Value) -> Result<Duration, Problem> {
    if time(value)?.is_zero() { Err("must be at least \"1s\"") } else { time(value) }
}

pub(super) fn size(value: &Value) -> Result<u64, Problem> {
    let size = text(value)?.parse().map(|size: ByteSize| size.as_u64());
    size.map_err(|_| "must be a size such as \"10MB\" or \"1KiB\"")
}

pub(super) fn limit(value: &Value) -> Result<Option<NonZeroU64>, Problem> {
    match text(value)? {
        "" => Ok(None),
        _ => NonZeroU64::new(size(value)?).map(Some).ok_or("must not be 0; without a limit it is \"\""),
    }
}

pub(super) fn proxy(value: &Value) -> Result<Proxy, Problem> {
    match text(value)? {
        "" => Ok(Proxy::AsNodeSays),
        "none" => Ok(Proxy::Direct),
        text => match SecretUrl::parse(text) {
            Ok(url) if matches!(url.scheme(), Scheme::Http | Scheme::Https) => Ok(Proxy::Through(url)),
            _ => Err("must be an address such as \"http://proxy:3128\", or \"none\", or \"\""),
        },
    }
}

pub(super) fn mirrors(value: &Value) -> Result<Vec<SecretUrl>, Problem> {
    let parse = |text| {
        SecretUrl::parse(text)
            .ok()
            .filter(|url| url.expose().query().is_none() && url.expose().fragment().is_none())
    };
    texts(value)?.into_iter().map(|text| parse(text).ok_or("must be addresses without a query")).collect()
}
