//! An address whose credentials never show.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// Why a text is no address of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all. The text is left out: it may hold a password.
    #[error("not a URL: {0}")]
    Syntax(url::ParseError),
    /// A scheme that no source has.
    #[error("scheme `{0}` is not supported; http, https, ftp and file are")]
    Scheme(String),
    /// An address without a host.
    #[error("the URL has no host")]
    NoHost,
}

/// The address of a source: `http`, `https`, `ftp` or `file`. It prints without its credentials, query values
/// and fragment; only frames to a node and the transfer itself have them.
#[derive(Clone)]
pub struct SecretUrl {
    whole: SecretString,
    shown: String,
}

impl SecretUrl {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let mut url = Url::parse(text).map_err(UrlError::Syntax)?;
        match url.scheme() {
            "http" | "https" | "ftp" => {
                if url.host_str().is_none_or(str::is_empty) {
                    return Err(UrlError::NoHost);
                }
            }
            "file" => {}
            other => return Err(UrlError::Scheme(other.to_owned())),
        }
        let whole = SecretString::from(url.to_string());
        if !url.username().is_empty() || url.password().is_some() {
            // A file URL without a host takes no credentials, and has none.
            let _ = url.set_username("***");
            let _ = url.set_password(None);
        }
        if url.query().is_some() {
            url.set_query(Some("***"));
        }
        url.set_fragment(None);
        Ok(Self { whole, shown: url.to_string() })
    }

    /// The whole address, credentials and all: for the transfer alone.
    pub fn expose(&self) -> &str {
        self.whole.expose_secret()
    }

    /// `http`, `https`, `ftp` or `file`.
    pub fn scheme(&self) -> &str {
        self.shown.split(':').next().unwrap_or_default()
    }

    /// The same address with `suffix` put after its path (`.md5sum`); query and fragment are kept.
    pub fn with_path_suffix(&self, suffix: &str) -> Result<Self, UrlError> {
        let mut url = Url::parse(self.expose()).map_err(UrlError::Syntax)?;
        let path = format!("{}{suffix}", url.path());
        url.set_path(&path);
        Self::parse(url.as_str())
    }

    /// The address of another file in the same directory (`SHA256SUMS`).
    pub fn sibling(&self, name: &str) -> Result<Self, UrlError> {
        let mut url = Url::parse(self.expose()).map_err(UrlError::Syntax)?;
        let directory = url.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        let path = format!("{directory}/{name}");
        url.set_path(&path);
        Self::parse(url.as_str())
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl PartialEq for SecretUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretUrl {}

/// For frames to a node only: writes the whole address.
impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
