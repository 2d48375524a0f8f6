//! An address whose credentials never show.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

use crate::Scheme;
use crate::artifact_digest::artifact_digest;

/// Why a text is no address of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all. The text is left out: it may hold a password.
    #[error("not a URL: {0}")]
    Syntax(url::ParseError),
    /// A scheme that no source has.
    #[error("scheme `{0}` is not supported; http, https, ftp, ftps, ftpes, oci, oci+http and file are")]
    Scheme(String),
    /// An address without a host.
    #[error("the URL has no host")]
    NoHost,
    /// Where the login ends cannot be told.
    #[error(
        "where the URL's login ends is not clear: in a login `@` is written %40 and `/` %2F, and in a path `@` is written %40"
    )]
    Login,
    /// What follows the `@` of an artifact.
    #[error(
        "what follows the `@` is no digest: that is sha256: with 64 small hexadecimal digits, or sha512: with 128; in a \
         login `@` is written %40 and `/` %2F"
    )]
    Digest,
}

/// The address of a source: `http`, `https`, `ftp`, `ftps`, `ftpes`, `oci`, `oci+http` or `file`, parsed once. It prints without its credentials,
/// query values and fragment; only frames to a node and the transfer itself have them.
#[derive(Clone)]
pub struct SecretUrl {
    url: Url,
    scheme: Scheme,
    shown: String,
}

impl SecretUrl {
    /// Reads an address that somebody wrote. Where a password may have been taken for a host or a path, it is none.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let address = Self::read(text)?;
        let url = &address.url;
        let has_login = !url.username().is_empty() || url.password().is_some();
        // `ftp://user:12/34@host`: sources of FTP have logins, and hardly ports.
        let may_have_one = address.scheme.is_ftp() && url.port().is_some();
        let (path, is_oci) = (url.path(), address.scheme.is_oci());
        let after_at = path.split_once('@').map(|(_, rest)| rest);
        if is_oci && after_at.is_some_and(|digest| artifact_digest(digest).is_none()) {
            // It may be the rest of a password.
            Err(UrlError::Digest)
        } else if (has_login || may_have_one) && !is_oci && after_at.is_some() {
            Err(UrlError::Login)
        } else {
            Ok(address)
        }
    }

    fn read(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(UrlError::Syntax)?;
        // `user:password@host`: what looks like a scheme is a login.
        if url.scheme().parse::<Scheme>().is_err() && !text.contains("://") {
            return Err(UrlError::Syntax(url::ParseError::RelativeUrlWithoutBase));
        }
        Self::new(url)
    }

    /// An address that was parsed, whatever is secret in it.
    pub fn new(mut url: Url) -> Result<Self, UrlError> {
        let scheme: Scheme = url.scheme().parse().map_err(|_| UrlError::Scheme(url.scheme().to_owned()))?;
        let usual_port = match scheme {
            Scheme::Ftps => Some(990),
            Scheme::Ftpes => Some(21),
            Scheme::Oci => Some(443),
            Scheme::OciHttp => Some(80),
            // The parser of addresses knows these.
            Scheme::Http | Scheme::Https | Scheme::Ftp | Scheme::File => None,
        };
        if let (Some(usual), Some(host)) = (usual_port, url.host_str().filter(|host| !host.is_empty())) {
            // Hosts are compared: they are to be written in one way, as those of the other schemes are.
            let host = Host::parse(host).map_err(UrlError::Syntax)?.to_string();
            url.set_host(Some(&host)).map_err(UrlError::Syntax)?;
            if url.port() == Some(usual) {
                // It has a host, so it may have a port, or none.
                let _ = url.set_port(None);
            }
        }
        if scheme != Scheme::File && url.host_str().is_none_or(str::is_empty) {
            return Err(UrlError::NoHost);
        }
        let mut shown = url.clone();
        if !url.username().is_empty() || url.password().is_some() {
            // A file URL without a host takes no credentials, and has none.
            let _ = shown.set_username("***");
            let _ = shown.set_password(None);
        }
        if url.query().is_some() {
            shown.set_query(Some("***"));
        }
        shown.set_fragment(None);
        Ok(Self { url, scheme, shown: shown.into() })
    }

    /// The address of a file; none where its path is not absolute.
    pub fn of_path(path: &Path) -> Option<Self> {
        Self::new(Url::from_file_path(path).ok()?).ok()
    }

    /// The whole address, credentials and all: for the transfer alone.
    pub fn expose(&self) -> &Url {
        &self.url
    }

    /// How the source is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The path of a `file` address.
    pub fn path_on_node(&self) -> Option<PathBuf> {
        if self.scheme == Scheme::File { self.url.to_file_path().ok() } else { None }
    }

    /// The same address with `suffix` put after its path (`.md5sum`); query and fragment are kept.
    pub fn with_path_suffix(&self, suffix: &str) -> Result<Self, UrlError> {
        let mut url = self.url.clone();
        let path = format!("{}{suffix}", url.path());
        url.set_path(&path);
        Self::new(url)
    }

    /// The address of another file in the same directory (`SHA256SUMS`).
    pub fn sibling(&self, name: &str) -> Result<Self, UrlError> {
        let mut url = self.url.clone();
        let directory = url.path().rsplit_once('/').map_or("", |(directory, _)| directory);
        let path = format!("{directory}/{name}");
        url.set_path(&path);
        Self::new(url)
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
        self.url == other.url
    }
}

impl Eq for SecretUrl {}

/// For frames to a node only: writes the whole address.
impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.url.as_str())
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SecretUrl {
        SecretUrl::parse(text).unwrap()
    }

    macro_rules! digest {
        () => {
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        };
    }

    #[test]
    fn nothing_secret_shows() {
        for (text, shown) in [
            ("http://host/x.img", "http://host/x.img"),
            ("ftp://user:secret@host/x.img", "ftp://***@host/x.img"),
            ("ftp://secret@host:2121/x.img", "ftp://***@host:2121/x.img"),
            ("http://:secret@host/x.img", "http://***@host/x.img"),
            ("http://user:@host/", "http://***@host/"),
            ("https://us%65r:s%3Aecr%40et@host/x", "https://***@host/x"),
            ("https://user:se@cret@host/x", "https://***@host/x"),
            ("https://host/x?token=secret&sig=secret", "https://host/x?***"),
            ("https://host/x?secret", "https://host/x?***"),
            ("https://host/x?", "https://host/x?***"),
            ("https://host/x#secret", "https://host/x"),
            ("https://user:secret@host/x?a=secret#secret", "https://***@host/x?***"),
            ("HTTPS://User:Secret@HOST:443/x", "https://***@host/x"),
            ("http:\\\\user:secret@host\\x", "http://***@host/x"),
            ("http:user:secret@host/x", "http://***@host/x"),
            (" http://user:sec\nret@host/x ", "http://***@host/x"),
            ("ftp://user:secret@[::1]/x", "ftp://***@[::1]/x"),
            ("ftps://user:secret@HOST:990/x y.img", "ftps://***@host/x%20y.img"),
            ("FTPES://user:secret@[::1]:21/x", "ftpes://***@[::1]/x"),
            ("ftpes://user:secret@b\u{fc}cher.example:990/x", "ftpes://***@xn--bcher-kva.example:990/x"),
            ("file:///srv/x.img?secret", "file:///srv/x.img?***"),
            ("file:/srv/x.img", "file:///srv/x.img"),
            ("oci://user:secret@HOST:443/a/b:1", "oci://***@host/a/b:1"),
            ("oci+http://user:secret@host:80/a", "oci+http://***@host/a"),
            (concat!("oci://user:secret@host/a:1@", digest!()), concat!("oci://***@host/a:1@", digest!())),
        ] {
            let url = url(text);
            assert_eq!(url.to_string(), shown, "{text:?}");
            assert_eq!(format!("{url:?}"), shown, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_address_shows_nothing_of_it() {
        for (text, error) in [
            ("http://user:secret@", UrlError::Syntax(url::ParseError::EmptyHost)),
            ("http://user:secret@ho st/", UrlError::Syntax(url::ParseError::IdnaError)),
            ("http://user:secret@host:secret/", UrlError::Syntax(url::ParseError::InvalidPort)),
            ("user:secret@host/x", UrlError::Syntax(url::ParseError::RelativeUrlWithoutBase)),
            ("//user:secret@host/x", UrlError::Syntax(url::ParseError::RelativeUrlWithoutBase)),
            ("", UrlError::Syntax(url::ParseError::RelativeUrlWithoutBase)),
            ("sftp://user:secret@host/x", UrlError::Scheme("sftp".into())),
            ("http:///", UrlError::Syntax(url::ParseError::EmptyHost)),
            ("oci:///a", UrlError::NoHost),
            ("oci:a/b", UrlError::NoHost),
            ("oci://user:p@ss/secret@host/a", UrlError::Digest),
            ("oci://user:12/secret@host/a", UrlError::Digest),
            ("oci://host/a@sha256:secret", UrlError::Digest),
            ("oci+http://user:secret/w@host/a", UrlError::Syntax(url::ParseError::InvalidPort)),
            ("ftp://user:p@ss/secret@host/", UrlError::Login),
            ("ftp://user:12/secret@host/", UrlError::Login),
            ("ftps://user:p@ss/secret@host/", UrlError::Login),
            ("ftpes://user:12/secret@host/", UrlError::Login),
            ("ftps:///x", UrlError::NoHost),
            ("ftps://a b/x", UrlError::Syntax(url::ParseError::InvalidDomainCharacter)),
            ("https://user:p@host/@secret/x", UrlError::Login),
            ("ftp://user:secret/w@host/", UrlError::Syntax(url::ParseError::InvalidPort)),
            ("http://user:secret?w@host/", UrlError::Syntax(url::ParseError::InvalidPort)),
        ] {
            let found = SecretUrl::parse(text).unwrap_err();
            assert!(!found.to_string().contains("secret"), "{found}");
            assert_eq!(found, error, "{text:?}");
        }
    }

    #[test]
    fn the_transfer_has_all_of_it() {
        let text = "https://user:p%40ss@host/x.img?token=secret";
        assert_eq!(url(text).expose().as_str(), text);
        assert_eq!(url(text).scheme(), Scheme::Https);
        let json = serde_json::to_string(&url(text)).unwrap();
        assert_eq!(json, format!("{text:?}"));
        assert_eq!(serde_json::from_str::<SecretUrl>(&json).unwrap(), url(text));
    }

    #[test]
    fn addresses_beside_it_keep_the_login() {
        let image = url("ftp://user:secret@host/dir/x%20y.img?token=a");
        assert_eq!(
            image.with_path_suffix(".md5sum").unwrap().expose().as_str(),
            "ftp://user:secret@host/dir/x%20y.img.md5sum?token=a"
        );
        assert_eq!(
            image.sibling("SHA256SUMS").unwrap().expose().as_str(),
            "ftp://user:secret@host/dir/SHA256SUMS?token=a"
        );
        let listed = image.sibling("a@b.img").unwrap();
        let json = serde_json::to_string(&listed).unwrap();
        assert_eq!(serde_json::from_str::<SecretUrl>(&json).unwrap(), listed, "what was read is read again");
        assert_eq!(url("http://host:80/a@b").to_string(), "http://host/a@b");
        assert_eq!(url("http://host/x").sibling("SUMS").unwrap().expose().as_str(), "http://host/SUMS");
    }
}
