//! Whom a secret may be sent to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// Why a text names no receiver. The text is left out: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a host such as ftp.example.org, or https://HOST, ftp://HOST, http://HOST, without a login or a path"
)]
pub struct ReceiverError;

/// The server that a secret may be sent to: `https://host`, `ftp://host:2121`. A host alone stands for any way to it that
/// is not clear text on the web.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Receiver {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Receiver {
    /// Who gets what is in an address; none where that has no host.
    pub fn of(address: &Url) -> Option<Self> {
        let scheme = address.scheme().to_owned();
        let host = address.host_str().filter(|host| !host.is_empty())?.to_lowercase();
        let port = address.port().or_else(|| usual_port(&scheme));
        Some(Self { scheme: Some(scheme), host, port })
    }

    /// Whether everybody on the way reads what is sent.
    pub fn is_in_clear(&self) -> bool {
        matches!(self.scheme.as_deref(), Some("http" | "ftp" | "oci+http"))
    }

    /// Whether it is spoken to by plain HTTP.
    pub fn is_plain_http(&self) -> bool {
        matches!(self.scheme.as_deref(), Some("http" | "oci+http"))
    }

    /// Whether it names a host and no way to it.
    pub(crate) fn is_host_alone(&self) -> bool {
        self.scheme.is_none()
    }

    /// Whether this, as an operator wrote it, allows `other`, which an address names.
    pub(crate) fn allows(&self, other: &Self) -> bool {
        match self.scheme {
            Some(_) => self == other,
            None => {
                self.host == other.host
                    && (self.port.is_none() || self.port == other.port)
                    && !other.is_plain_http()
            }
        }
    }
}

/// The port where a server of a scheme is.
fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "oci+http" => Some(80),
        "https" | "oci" => Some(443),
        "ftp" | "ftpes" => Some(21),
        "ftps" => Some(990),
        "postgres" => Some(5432),
        _ => None,
    }
}

impl FromStr for Receiver {
    type Err = ReceiverError;

    fn from_str(text: &str) -> Result<Self, ReceiverError> {
        let is_whole = text.contains("://");
        let address = if is_whole { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&address).map_err(|_| ReceiverError)?;
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.scheme() != "file";
        let receiver = Self::of(&url).filter(|_| is_bare).ok_or(ReceiverError)?;
        Ok(if is_whole { receiver } else { Self { scheme: None, port: url.port(), ..receiver } })
    }
}

impl TryFrom<String> for Receiver {
    type Error = ReceiverError;

    fn try_from(text: String) -> Result<Self, ReceiverError> {
        text.parse()
    }
}

impl From<Receiver> for String {
    fn from(receiver: Receiver) -> Self {
        receiver.to_string()
    }
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        f.write_str(&self.host)?;
        let usual = self.scheme.as_deref().and_then(usual_port);
        match self.port.filter(|port| Some(*port) != usual) {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(text: &str) -> Receiver {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_written_in_one_way() {
        for (text, shown) in [
            ("FTP.Aydo.com", "ftp.aydo.com"),
            ("https://aydo.com:443/", "https://aydo.com"),
            ("ftp://aydo.com:2121", "ftp://aydo.com:2121"),
            ("ftps://Aydo.com", "ftps://aydo.com"),
            ("aydo.com:8443", "aydo.com:8443"),
            ("oci://Aydo.com:5000", "oci://aydo.com:5000"),
            ("oci://aydo.com:443", "oci://aydo.com"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(receiver(text).to_string(), shown);
            assert_eq!(receiver(shown), receiver(text));
        }
        for text in ["", "a/b", "u:p@h", "https://u@h", "https://h/x", "https://h?x", "file:///x", "a b"] {
            assert_eq!(text.parse::<Receiver>(), Err(ReceiverError), "{text:?}");
        }
    }

    #[test]
    fn a_host_alone_allows_all_but_plain_http() {
        for (allowed, used, may) in [
            ("h", "https://h", true),
            ("h", "ftp://h:2121", true),
            ("h", "http://h", false),
            ("h", "https://h.evil.example", false),
            ("h:8443", "https://h:8443", true),
            ("h:8443", "https://h", false),
            ("http://h", "http://h", true),
            ("h", "oci://h:5000", true),
            ("h", "oci+http://h", false),
            ("oci+http://h", "oci://h", false),
            ("http://h", "https://h", false),
            ("https://h", "ftp://h", false),
            ("https://h", "https://h:8443", false),
        ] {
            assert_eq!(receiver(allowed).allows(&receiver(used)), may, "{allowed} {used}");
        }
    }
}
