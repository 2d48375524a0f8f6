//! Where a repository is.

use std::fmt;

use secrecy::SecretString;
use url::Url;

/// Why a text is no address of a repository. Nothing of the text is in it: that may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL.
    #[error("the address of the repository is no URL: {0}")]
    Syntax(url::ParseError),
    /// Another scheme.
    #[error("`{0}` cannot be cloned from: https, ssh, file and paths can")]
    Scheme(String),
    /// Something is missing, or stands where it must not.
    #[error("the address of the repository {0}")]
    Part(&'static str),
}

/// Where a repository is: a URL (`https`, `http`, `ssh`, `file`), `user@host:path`, or a path. It prints without its
/// password, and that is how a clone keeps it.
#[derive(Debug, Clone)]
pub struct Address {
    text: String,
    pub(crate) kind: Kind,
    pub(crate) password: Option<SecretString>,
}

/// How it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Ssh(SshAddress),
    Web { host: String, user: Option<String>, is_encrypted: bool },
    Local,
}

/// The parts of an address of ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshAddress {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
    /// As the remote side is given it: without a leading `/` it is relative to the login's home.
    pub path: String,
}

/// A user name this long, without a password, is one of the tokens that servers take in its place.
const TOKEN: usize = 20;

impl Address {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(AddressError::Part("is empty, or holds what is no text"));
        }
        match text.split_once("://") {
            Some(_) => Self::url(text),
            None => match text.split_once(':') {
                Some((login, path)) if !login.contains('/') => Self::scp(text, login, path),
                _ => Ok(Self { text: absolute(text), kind: Kind::Local, password: None }),
            },
        }
    }

    /// What a clone's directory is called where nobody says otherwise: the last part without `.git`.
    pub fn name(&self) -> Option<&str> {
        let name = self.text.trim_end_matches('/').rsplit(['/', ':']).next()?;
        let name = name.strip_suffix(".git").unwrap_or(name);
        (!name.is_empty() && !name.starts_with('.')).then_some(name)
    }

    /// Whether it came with a password or token, which a clone does not keep.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether it is a path of this machine.
    pub fn is_local(&self) -> bool {
        self.kind == Kind::Local
    }

    /// The address without its password.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn url(text: &str) -> Result<Self, AddressError> {
        let mut url = Url::parse(text).map_err(AddressError::Syntax)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Part("has a `?` or `#`, which is not sent to any"));
        }
        let scheme = url.scheme().to_owned();
        let host = url.host_str().filter(|host| !host.is_empty()).map(str::to_owned);
        let mut user = Some(decoded(url.username())).filter(|user| !user.is_empty());
        let mut password = url.password().map(decoded);
        // Some hosts take a token as the user's name, with whatever password.
        if scheme.starts_with("http") && user.as_ref().is_some_and(|user| user.len() >= TOKEN) {
            password = user.take();
            // Only an address without a host takes no login.
            let _ = url.set_username("");
        }
        let _ = url.set_password(None);
        let path = decoded(url.path());
        // git's helpers are told of a login line by line.
        let has_control = |text: &str| text.contains(char::is_control);
        if [&user, &password].into_iter().flatten().chain([&path]).any(|text| has_control(text)) {
            return Err(AddressError::Part("has a control character"));
        }
        let kind = match scheme.as_str() {
            "file" => Kind::Local,
            "http" | "https" => Kind::Web {
                host: host.ok_or(AddressError::Part("has no host"))?,
                user,
                is_encrypted: scheme == "https",
            },
            "ssh" => Kind::Ssh(SshAddress::new(
                user,
                host.ok_or(AddressError::Part("has no host"))?.trim_matches(['[', ']']),
                url.port(),
                // `/~/x` is below the home directory.
                path.strip_prefix("/~/").map_or_else(|| path.clone(), str::to_owned),
            )?),
            _ => return Err(AddressError::Scheme(scheme)),
        };
        Ok(Self { text: url.to_string(), kind, password: password.map(SecretString::from) })
    }

    fn scp(text: &str, login: &str, path: &str) -> Result<Self, AddressError> {
        let (user, host) = match login.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, login),
        };
        if path.starts_with(':') {
            return Err(AddressError::Scheme(login.to_owned()));
        }
        if user.is_none() && path.contains('@') {
            return Err(AddressError::Part("is neither a URL nor user@host:path"));
        }
        let ssh = SshAddress::new(user, host, None, path.to_owned())?;
        Ok(Self { text: text.to_owned(), kind: Kind::Ssh(ssh), password: None })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl SshAddress {
    fn new(user: Option<String>, host: &str, port: Option<u16>, path: String) -> Result<Self, AddressError> {
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with('-')
                && !name.contains(|c: char| c.is_whitespace() || "[]'\"@/".contains(c))
        };
        if !is_name(host) || user.as_deref().is_some_and(|user| !is_name(user)) {
            return Err(AddressError::Part("has no host or user that ssh could take"));
        }
        if path.trim_matches('/').is_empty() || path.starts_with('-') {
            return Err(AddressError::Part("has no path"));
        }
        Ok(Self { user, host: host.to_owned(), port, path })
    }
}

/// `%20` and the like as what they mean.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.as_bytes();
    while let Some((&first, rest)) = left.split_first() {
        let hex = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                left = &rest[2..];
            }
            None => {
                bytes.push(first);
                left = rest;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A path as a clone somewhere else still means it.
fn absolute(path: &str) -> String {
    std::path::absolute(path)
        .ok()
        .and_then(|path| Some(path.to_str()?.to_owned()))
        .unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn ssh(user: Option<&str>, host: &str, port: Option<u16>, path: &str) -> Kind {
        Kind::Ssh(SshAddress {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        })
    }

    fn web(user: Option<&str>, is_encrypted: bool) -> Kind {
        Kind::Web { host: "git.aydo.com".to_owned(), user: user.map(str::to_owned), is_encrypted }
    }

    #[test]
    fn all_ways_to_write_an_address_are_read() {
        for (text, kept, name, kind) in [
            ("https://git.aydo.com/envs/g8.git", "https://git.aydo.com/envs/g8.git", "g8", web(None, true)),
            ("http://bob@git.aydo.com/g8/", "http://bob@git.aydo.com/g8/", "g8", web(Some("bob"), false)),
            (
                "git@git.aydo.com:envs/g8.git",
                "git@git.aydo.com:envs/g8.git",
                "g8",
                ssh(Some("git"), "git.aydo.com", None, "envs/g8.git"),
            ),
            ("alias:g8", "alias:g8", "g8", ssh(None, "alias", None, "g8")),
            (
                "ssh://git@[::1]:2222/srv/g8",
                "ssh://git@[::1]:2222/srv/g8",
                "g8",
                ssh(Some("git"), "::1", Some(2222), "/srv/g8"),
            ),
            ("ssh://h/~/g%208.git", "ssh://h/~/g%208.git", "g%208", ssh(None, "h", None, "g 8.git")),
            ("file:///srv/g8.git", "file:///srv/g8.git", "g8", Kind::Local),
            ("/srv/a:b/g8", "/srv/a:b/g8", "g8", Kind::Local),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                (address.as_str(), address.name(), &address.kind),
                (kept, Some(name), &kind),
                "{text}"
            );
            assert!(!address.has_password());
        }
    }

    #[test]
    fn a_password_is_kept_apart() {
        for (text, kept, password, kind) in [
            (
                "https://bob:hunter%32@git.aydo.com/g8",
                "https://bob@git.aydo.com/g8",
                "hunter2",
                web(Some("bob"), true),
            ),
            (
                "https://ghp_0123456789abcdef01234567@git.aydo.com/g8",
                "https://git.aydo.com/g8",
                "ghp_0123456789abcdef01234567",
                web(None, true),
            ),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.as_str(), &address.kind), (kept, &kind));
            assert_eq!(address.password.as_ref().unwrap().expose_secret(), password);
            assert!(!format!("{address:?}").contains(password));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_a_word_of_it() {
        let said = |text: &str| Address::parse(text).unwrap_err().to_string();
        assert_eq!(said("git://h/x"), "`git` cannot be cloned from: https, ssh, file and paths can");
        assert_eq!(said("ext::sh -c x"), "`ext` cannot be cloned from: https, ssh, file and paths can");
        assert_eq!(
            said("ssh://-oProxyCommand=x/y"),
            "the address of the repository has no host or user that ssh could take"
        );
        assert_eq!(said("ssh://h/"), "the address of the repository has no path");
        assert_eq!(
            said("https:///x?token=y"),
            "the address of the repository has a `?` or `#`, which is not sent to any"
        );
        assert_eq!(
            said("bob:hunter2@h:x"),
            "the address of the repository is neither a URL nor user@host:path"
        );
        // git's credential helpers would take the second line for another host.
        assert_eq!(
            said("https://bob%0ahost=github.com@evil.example/g8"),
            "the address of the repository has a control character"
        );
    }

    #[test]
    fn a_token_in_the_place_of_the_user_is_not_kept() {
        let token = "ghp_0123456789abcdefghij";
        for login in [token.to_owned(), format!("{token}:x-oauth-basic")] {
            let address = Address::parse(&format!("https://{login}@github.com/o/g8")).unwrap();
            assert_eq!((address.as_str(), address.has_password()), ("https://github.com/o/g8", true));
        }
    }

    #[test]
    fn no_clone_gets_a_hidden_name() {
        for text in ["https://h/.git.git", "h:.git"] {
            assert_eq!(Address::parse(text).unwrap().name(), None, "{text}");
        }
    }
}
