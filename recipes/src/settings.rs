//! The settings: what an environment and its operators say once for all recipes. No secrets.

mod authority;
mod database;
mod keys;
mod layers;
mod reader;
mod shown;
mod source;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ays_grammar::Diagnostic;
use ays_model::{Network, Pool, Scheme, SecretUrl};
use ays_secrets::{Carrier, CarrierKind};
use keys::Proxy;
use url::Url;

use crate::names::LookupError;
use crate::system_path::{SYSTEM_PATH_CURE, is_of_system};

pub use database::DatabaseUrl;
pub use layers::{Flag, Layers, Origin};
use reader::Reader;
pub use shown::Setting;

/// What holds where no layer says otherwise; the documentation shows this file.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file is there but cannot be read.
    #[error("{path} cannot be read", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file's text is not what it should be, at this place.
    #[error(transparent)]
    Text(#[from] Diagnostic),
    /// A variable or a flag has a value that its key cannot have.
    #[error("{name} {problem}")]
    Words {
        /// The variable or flag.
        name: String,
        /// What is wrong. It holds nothing of the value.
        problem: &'static str,
    },
    /// A key or variable that there is not.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A key of the defaults has none.
    #[error("`{key}` has no value")]
    Missing {
        /// The key.
        key: String,
    },
    /// A pool without a directory.
    #[error("{origin}: pool `{pool}` has no `path`")]
    NoPath {
        /// Where another key of it is.
        origin: Origin,
        /// The pool.
        pool: String,
    },
    /// A pool of the environment's repository where a node's system lies.
    #[error("{origin}: {path} lies where the node's own system does; {SYSTEM_PATH_CURE}", path = .path.display())]
    SystemPath {
        /// Where it is named.
        origin: Origin,
        /// The directory.
        path: PathBuf,
    },
    /// A database of the environment's repository that proves less of itself than it could.
    #[error(
        "{origin}: only an operator says `sslmode` and `sslrootcert` of `database`: in AYS_DATABASE, or in \
         ~/.config/ays/config.toml"
    )]
    TrustsMore {
        /// Where it is named.
        origin: Origin,
    },
    /// A file of `ca` cannot be read.
    #[error("{origin}: {path} cannot be read", path = .path.display())]
    Authority {
        /// Where it is named.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of `ca` holds no certificate.
    #[error("{origin}: {path} holds no certificate in PEM", path = .path.display())]
    NoCertificate {
        /// Where it is named.
        origin: Origin,
        /// The file.
        path: PathBuf,
    },
}

/// `[install]`
#[derive(Debug, Clone)]
pub struct InstallSettings {
    /// How many nodes are at work at once.
    pub parallel: NonZeroUsize,
}

/// `[ssh]`
#[derive(Debug, Clone)]
pub struct ConnectionSettings {
    /// How long a connection stays after its last use; zero: not at all.
    pub keep: Duration,
}

/// `[fetch]`, of which a source may say some keys itself.
#[derive(Debug, Clone)]
pub struct FetchSettings {
    /// Whether one node reads the source, and the others take it from their neighbours.
    pub share: bool,
    http_proxy: Proxy,
    https_proxy: Proxy,
    no_proxy: Option<String>,
    authorities: Vec<String>,
    /// What of this the repository names.
    http_carriers: Vec<Carrier>,
    https_carriers: Vec<Carrier>,
    limit: Option<NonZeroU64>,
    stall_rate: u64,
    stall_time: Duration,
    tries: NonZeroU32,
}

/// `[scrub]`
#[derive(Debug, Clone)]
pub struct ScrubSettings {
    /// The most bytes a second that are read on a node.
    pub rate: Option<NonZeroU64>,
}

/// `[jobs]`
#[derive(Debug, Clone)]
pub struct JobsSettings {
    /// How long a job that is over is known, and a token that lets in no more.
    pub keep: Duration,
}

/// `[secrets]`
#[derive(Debug, Clone)]
pub struct SecretsSettings {
    /// A program and its arguments that print a secret, `{}` in them its name; empty: none.
    pub command: Vec<String>,
}

/// `[source."https://host/path"]`
#[derive(Debug, Clone)]
struct Source {
    begins: Url,
    fetch: FetchSettings,
    mirrors: Vec<SecretUrl>,
}

/// The settings of an environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The environment's name; without one it is the repository's.
    pub name: Option<String>,
    /// The PostgreSQL database of its catalogue; none: a file of this machine.
    pub database: Option<DatabaseUrl>,
    /// How nodes are installed.
    pub install: InstallSettings,
    /// How connections are kept.
    pub ssh: ConnectionSettings,
    /// How sources are read where they have no settings of their own.
    pub fetch: FetchSettings,
    /// How copies are read again.
    pub scrub: ScrubSettings,
    /// How long jobs are known.
    pub jobs: JobsSettings,
    /// Where secrets are beside the file that keeps them.
    pub secrets: SecretsSettings,
    /// Directories of a node's system that recipes may write to all the same.
    pub(crate) system_paths: Vec<PathBuf>,
    sources: Vec<Source>,
    pools: BTreeMap<String, Pool>,
    values: BTreeMap<String, String>,
    all: Vec<Setting>,
}

impl Settings {
    /// Reads all layers over the defaults; `ays_toml` is the environment's own file, which may not be there.
    pub fn read(layers: &Layers, ays_toml: Option<&Path>) -> Result<Self, SettingsError> {
        let entries = layers::merge(layers, ays_toml)?;
        let read = Reader { entries: &entries, ays_toml };
        // Each name was brought into its one spelling when it was read.
        let begins = read.names("source").filter_map(|name| Some((name, source::beginning(name).ok()?)));
        let sources = begins.map(|(name, begins)| {
            Ok(Source {
                begins,
                fetch: read.fetch(&["source", name])?,
                mirrors: read.said(&["source", name, "mirrors"], keys::mirrors).unwrap_or_default(),
            })
        });
        let system_paths = read.need(&["recipes", "system_paths"], keys::directories)?;
        let pools = read.names("pool").map(|name| {
            let (pool, origin) = (read.pool(name)?, read.origin(&["pool", name, "path"]));
            if read.is_repositorys(&["pool", name, "path"]) && is_of_system(&pool.path, &system_paths) {
                return Err(SettingsError::SystemPath { origin, path: pool.path });
            }
            Ok((name.to_owned(), pool))
        });
        let pools = pools.collect::<Result<_, SettingsError>>()?;
        Ok(Self {
            name: Some(read.need(&["name"], keys::text)?.to_owned()).filter(|name| !name.is_empty()),
            database: read.database()?,
            install: InstallSettings { parallel: read.need(&["install", "parallel"], keys::parallel)? },
            system_paths,
            ssh: ConnectionSettings { keep: read.need(&["ssh", "keep"], keys::time)? },
            jobs: JobsSettings { keep: read.need(&["jobs", "keep"], keys::time)? },
            fetch: read.fetch(&["fetch"])?,
            scrub: ScrubSettings { rate: read.need(&["scrub", "rate"], keys::limit)? },
            secrets: SecretsSettings { command: read.need(&["secrets", "command"], keys::command)? },
            sources: sources.collect::<Result<_, SettingsError>>()?,
            pools,
            values: reader::values(&entries),
            all: shown::all(entries),
        })
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

    /// All values of the environment, by their keys.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How the source at this address is reached.
    pub fn network(&self, address: &SecretUrl) -> Network {
        let fetch = self.source(address).map_or(&self.fetch, |(source, _)| &source.fetch);
        let own = if address.scheme().is_plain_http() { &fetch.http_proxy } else { &fetch.https_proxy };
        let through = |proxy: &Proxy| match proxy {
            Proxy::Through(url) => Some(url.clone()),
            Proxy::Direct | Proxy::AsNodeSays => None,
        };
        Network {
            http_proxy: through(&fetch.http_proxy),
            https_proxy: through(&fetch.https_proxy),
            no_proxy: if *own == Proxy::Direct { Some("*".to_owned()) } else { fetch.no_proxy.clone() },
            authorities: fetch.authorities.clone(),
            limit: fetch.limit,
            stall_seconds: fetch.stall_time.as_secs(),
            stall_rate: fetch.stall_rate,
            tries: fetch.tries.get(),
        }
    }

    /// What the environment's repository lets requests for this address go through.
    pub(crate) fn carriers(&self, address: &SecretUrl) -> Vec<Carrier> {
        let fetch = self.source(address).map_or(&self.fetch, |(source, _)| &source.fetch);
        match address.scheme() {
            Scheme::Http => fetch.http_carriers.clone(),
            Scheme::Https | Scheme::Oci => fetch.https_carriers.clone(),
            // Its tokens may come by https.
            Scheme::OciHttp => fetch.http_carriers.iter().chain(&fetch.https_carriers).cloned().collect(),
            // They are asked without a proxy.
            Scheme::Ftps | Scheme::Ftpes => {
                let carriers = fetch.https_carriers.iter();
                carriers.filter(|carrier| carrier.kind == CarrierKind::Authority).cloned().collect()
            }
            Scheme::Ftp | Scheme::File => Vec::new(),
        }
    }

    /// Where else the file at this address is, in the order of the settings. A login of the address is not handed on.
    pub fn mirrors(&self, address: &SecretUrl) -> Vec<SecretUrl> {
        let Some((source, rest)) = self.source(address) else { return Vec::new() };
        source.mirrors.iter().filter_map(|mirror| source::mirrored(mirror, &rest, address)).collect()
    }

    /// Every key with its value and where that is from: those of no section first, then by section.
    pub fn all(&self) -> &[Setting] {
        &self.all
    }

    /// The settings of the longest beginning of this address, and what follows that.
    fn source(&self, address: &SecretUrl) -> Option<(&Source, String)> {
        let begin = self
            .sources
            .iter()
            .filter_map(|source| source::rest(&source.begins, address).map(|rest| (source, rest)));
        begin.min_by_key(|(_, rest)| rest.len())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_documentation_shows_the_defaults() {
        assert!(include_str!("../../docs/settings.md").contains(super::DEFAULTS));
    }
}
