//! Typed settings out of what was merged and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ays_model::{DiskFormat, Sha256};
use ays_secrets::{Carrier, Receiver};
use sha2::Digest;
use toml::Value;

use super::keys::{self, Kind, Problem, Proxy};
use super::layers::{Entries, Origin};
use super::shown::written;
use super::{DatabaseUrl, FetchSettings, Pool, SettingsError, authority};

/// Takes typed values out of what was merged and checked.
pub(super) struct Reader<'a> {
    /// What was merged.
    pub entries: &'a Entries,
    /// The environment's own file.
    pub ays_toml: Option<&'a Path>,
}

impl<'a> Reader<'a> {
    /// The names that writers chose in a section.
    pub fn names(&self, section: &str) -> impl Iterator<Item = &'a str> {
        let name = |path: &'a Vec<String>| match &path[..] {
            [first, name, _, ..] if first == section => Some(name.as_str()),
            _ => None,
        };
        let mut names: Vec<_> = self.entries.keys().filter_map(name).collect();
        names.dedup();
        names.into_iter()
    }

    pub fn said<T>(&self, path: &[&str], parse: impl Fn(&'a Value) -> Result<T, Problem>) -> Option<T> {
        self.entries.get(&owned(path)).and_then(|entry| parse(&entry.value).ok())
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
        self.entries.get(&owned(path)).map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// The database of the catalogue. Whoever can push may not weaken by what a server proves who it is.
    pub fn database(&self) -> Result<Option<DatabaseUrl>, SettingsError> {
        let path = ["database"];
        let database = self.need(&path, keys::database)?;
        if self.is_repositorys(&path) && database.as_ref().is_some_and(DatabaseUrl::trusts_more) {
            return Err(SettingsError::TrustsMore { origin: self.origin(&path) });
        }
        Ok(database)
    }

    pub fn pool(&self, name: &str) -> Result<Pool, SettingsError> {
        let path = |key| ["pool", name, key];
        let no_path = || {
            let begin = owned(&["pool", name]);
            let another = self.entries.iter().find(|(path, _)| path.starts_with(&begin));
            let origin = another.map_or(Origin::Default, |(_, entry)| entry.origin.clone());
            SettingsError::NoPath { origin, pool: name.to_owned() }
        };
        Ok(Pool {
            name: name.into(),
            path: self.said(&path("path"), keys::directory).ok_or_else(no_path)?,
            format: self.said(&path("format"), keys::format).unwrap_or(DiskFormat::Raw),
            shared: self.said(&path("shared"), keys::truth).unwrap_or(false),
            user: self.said(&path("user"), keys::user),
            users: self.said(&path("users"), keys::directories).unwrap_or_default(),
        })
    }

    /// `[fetch]`, or what a source says over it.
    pub fn fetch(&self, section: &[&str]) -> Result<FetchSettings, SettingsError> {
        let path = |key| {
            let own = [section, &[key]].concat();
            if self.entries.contains_key(&owned(&own)) { own } else { vec!["fetch", key] }
        };
        let no_proxy = self.need(&path("no_proxy"), keys::text)?;
        let authorities = self.authorities(&path("ca"))?;
        Ok(FetchSettings {
            share: self.need(&path("share"), keys::truth)?,
            http_carriers: self.proxy(&path("http_proxy")).into_iter().collect(),
            https_carriers: self
                .proxy(&path("https_proxy"))
                .into_iter()
                .chain(self.trusted(&path("ca"), &authorities))
                .collect(),
            http_proxy: self.need(&path("http_proxy"), keys::proxy)?,
            https_proxy: self.need(&path("https_proxy"), keys::proxy)?,
            no_proxy: Some(no_proxy.to_owned()).filter(|hosts| !hosts.is_empty()),
            authorities,
            limit: self.need(&path("limit"), keys::limit)?,
            stall_rate: self.need(&path("stall_rate"), keys::size)?,
            stall_time: self.need(&path("stall_time"), keys::patience)?,
            tries: self.need(&path("tries"), keys::count)?,
        })
    }

    /// Whether the environment's repository says a key.
    pub fn is_repositorys(&self, path: &[&str]) -> bool {
        matches!(self.origin(path), Origin::File { path, .. } if Some(path.as_path()) == self.ays_toml)
    }

    /// The proxy of a key, where the repository names it.
    fn proxy(&self, path: &[&str]) -> Option<Carrier> {
        let Some(Proxy::Through(url)) = self.said(path, keys::proxy).filter(|_| self.is_repositorys(path))
        else {
            return None;
        };
        // Its login is the repository's own: who carries is the host.
        let receiver = Receiver::of(url.expose())?;
        Some(Carrier::proxy(&receiver, self.origin(path).to_string()))
    }

    /// The authorities of a key, where the repository names them.
    fn trusted(&self, path: &[&str], pems: &[String]) -> Vec<Carrier> {
        let digest = |pem: &String| Sha256(sha2::Sha256::digest(pem).into()).to_string();
        let carrier = |pem: &String| Carrier::authority(&digest(pem), self.origin(path).to_string());
        if self.is_repositorys(path) { pems.iter().map(carrier).collect() } else { Vec::new() }
    }

    fn authorities(&self, path: &[&str]) -> Result<Vec<String>, SettingsError> {
        let missing = || SettingsError::Missing { key: written(&owned(path)) };
        let entry = self.entries.get(&owned(path)).ok_or_else(missing)?;
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
