//! Typed settings out of what was merged and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ays_model::DiskFormat;
use toml::Value;

use super::keys::{self, Kind, Problem};
use super::layers::{Entries, Origin};
use super::shown::written;
use super::{FetchSettings, Pool, SettingsError, authority};

/// Takes typed values out of what was merged and checked.
pub(super) struct Reader<'a>(pub &'a Entries);

impl<'a> Reader<'a> {
    /// The names that writers chose in a section.
    pub fn names(&self, section: &str) -> impl Iterator<Item = &'a str> {
        let name = |path: &'a Vec<String>| match &path[..] {
            [first, name, _, ..] if first == section => Some(name.as_str()),
            _ => None,
        };
        let mut names: Vec<_> = self.0.keys().filter_map(name).collect();
        names.dedup();
        names.into_iter()
    }

    pub fn said<T>(&self, path: &[&str], parse: impl Fn(&'a Value) -> Result<T, Problem>) -> Option<T> {
        self.0.get(&owned(path)).and_then(|entry| parse(&entry.value).ok())
    }

    pub fn need<T>(
        &self,
        path: &[&str],
        parse: impl Fn(&'a Value) -> Result<T, Problem>,
    ) -> Result<T, SettingsError> {
        self.said(path, parse).ok_or_else(|| SettingsError::Missing { key: written(&owned(path)) })
    }

    /// Where a key's value is from.
    pub fn origin(&self, path: &[&str]) -> Origin {
        self.0.get(&owned(path)).map_or(Origin::Default, |entry| entry.origin.clone())
    }

    pub fn pool(&self, name: &str) -> Result<Pool, SettingsError> {
        let path = |key| ["pool", name, key];
        let no_path = || {
            let begin = owned(&["pool", name]);
            let another = self.0.iter().find(|(path, _)| path.starts_with(&begin));
            let origin = another.map_or(Origin::Default, |(_, entry)| entry.origin.clone());
            SettingsError::NoPath { origin, pool: name.to_owned() }
        };
        Ok(Pool {
            name: name.into(),
            path: self.said(&path("path"), keys::directory).ok_or_else(no_path)?,
            format: self.said(&path("format"), keys::format).unwrap_or(DiskFormat::Raw),
            shared: self.said(&path("shared"), keys::truth).unwrap_or(false),
            user: self.said(&path("user"), keys::user),
        })
    }

    /// `[fetch]`, or what a source says over it.
    pub fn fetch(&self, section: &[&str]) -> Result<FetchSettings, SettingsError> {
        let path = |key| {
            let own = [section, &[key]].concat();
            if self.0.contains_key(&owned(&own)) { own } else { vec!["fetch", key] }
        };
        let no_proxy = self.need(&path("no_proxy"), keys::text)?;
        Ok(FetchSettings {
            share: self.need(&path("share"), keys::truth)?,
            http_proxy: self.need(&path("http_proxy"), keys::proxy)?,
            https_proxy: self.need(&path("https_proxy"), keys::proxy)?,
            no_proxy: Some(no_proxy.to_owned()).filter(|hosts| !hosts.is_empty()),
            authorities: self.authorities(&path("ca"))?,
            limit: self.need(&path("limit"), keys::limit)?,
            stall_rate: self.need(&path("stall_rate"), keys::size)?,
            stall_time: self.need(&path("stall_time"), keys::patience)?,
            tries: self.need(&path("tries"), keys::count)?,
        })
    }

    fn authorities(&self, path: &[&str]) -> Result<Vec<String>, SettingsError> {
        let missing = || SettingsError::Missing { key: written(&owned(path)) };
        let entry = self.0.get(&owned(path)).ok_or_else(missing)?;
        let read = |file: &str| {
            let (origin, path) = (entry.origin.clone(), PathBuf::from(file));
            match authority::read(&path) {
                Ok(Some(pem)) => Ok(pem),
                Ok(None) => Err(SettingsError::NoCertificate { origin, path }),
                Err(source) => Err(SettingsError::Authority { origin, path, source }),
            }
        };
        keys::texts(&entry.value).unwrap_or_default().into_iter().map(read).collect()
    }
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|name| (*name).to_owned()).collect()
}

/// What `$(..)` finds: `$(system.paths.base)` is found with its section, `$(base)` without.
pub(super) fn values(entries: &Entries) -> BTreeMap<String, String> {
    let free = entries.iter().filter(|(_, entry)| entry.kind == Kind::Free);
    free.map(|(path, entry)| {
        let names = match &path[..] {
            [section, names @ ..] if section == "values" => names,
            names => names,
        };
        let text = entry.value.as_str().map_or_else(|| entry.value.to_string(), str::to_owned);
        (names.join("."), text)
    })
    .collect()
}
