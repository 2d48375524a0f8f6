//! The database of a catalogue that a team shares, as a settings file names it.

use ays_secrets::SecretName;
use url::{Host, Url};

use crate::secrets::SECRET;

/// A PostgreSQL database. Its password is a secret's name: a settings file holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// Without a password.
    pub(crate) url: Url,
    pub(crate) password: Option<SecretName>,
}

impl DatabaseUrl {
    /// What is wrong holds nothing of the text, which may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const WRONG: &str =
            "must be an address such as \"postgres://ays:$(secret.NAME)@db.example.org/ays\", or \"\"";
        let text = match text.split_once("://") {
            Some(("postgresql", rest)) => format!("postgres://{rest}"),
            _ => text.to_owned(),
        };
        let mut url = Url::parse(&text).map_err(|_| WRONG)?;
        let is_whole = url.scheme() == "postgres" && url.has_host() && url.path().len() > 1;
        if !is_whole || url.query_pairs().any(|(key, _)| key == "password") {
            return Err(WRONG);
        }
        let password = match url.password() {
            None => None,
            Some(password) => {
                let name = password.strip_prefix("$(").and_then(|name| name.strip_suffix(')'));
                let name = name.and_then(|name| name.to_lowercase().strip_prefix(SECRET)?.parse().ok());
                Some(name.ok_or(
                    "has a password: keep it by `ays secret set NAME`, and write $(secret.NAME) in its place",
                )?)
            }
        };
        url.set_password(None).map_err(|()| WRONG)?;
        let mode =
            url.query_pairs().find(|(key, _)| matches!(&**key, "sslmode" | "ssl-mode")).map(|(_, mode)| mode);
        match mode {
            _ if is_local(&url) => {}
            None => drop(url.query_pairs_mut().append_pair("sslmode", "verify-full")),
            Some(mode) if matches!(&*mode, "require" | "verify-ca" | "verify-full") => {}
            Some(_) => {
                return Err(
                    "must have sslmode=require, verify-ca or verify-full for a server on another machine",
                );
            }
        }
        Ok(Self { url, password })
    }

    /// The text of a setting as everybody may see it.
    pub(crate) fn shown(text: &str) -> String {
        if Self::parse(text).is_ok() { text.to_owned() } else { String::new() }
    }
}

/// Whether what is sent there stays on this machine.
fn is_local(url: &Url) -> bool {
    let is_socket = url.query_pairs().any(|(key, value)| key == "host" && value.starts_with('/'));
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    is_loopback || is_socket
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    #[test]
    fn a_database_is_an_address_without_a_password() {
        for good in [
            "postgres://ays@localhost/ays",
            "postgresql://ays:$(secret.db)@127.0.0.1:5433/ays",
            "postgres://ays:$(secret.team-db)@db.example.org/ays?sslmode=require",
            "postgres://ays@localhost/ays?host=/run/postgresql",
        ] {
            let url = DatabaseUrl::parse(good).unwrap();
            assert_eq!(url.url.password(), None, "{good}");
            assert!(!url.url.query().unwrap_or_default().contains("verify"), "{good}");
        }
        // Another machine proves who it is, when nothing else is said.
        let url = DatabaseUrl::parse("postgres://ays:$(secret.db)@db.example.org/ays").unwrap();
        assert_eq!(url.url.as_str(), "postgres://ays@db.example.org/ays?sslmode=verify-full");
        assert_eq!(url.password.unwrap().as_str(), "db");
        for wrong in [
            "ays",
            "mysql://ays@localhost/ays",
            "postgres://localhost",
            "postgres:///ays",
            "postgres://ays:s3cret@localhost/ays",
            "postgres://ays@localhost/ays?password=s3cret",
            "postgres://ays:$(secret.db)@db.example.org/ays?sslmode=prefer",
            "postgres://ays:$(secret.db)@db.example.org/ays?sslmode=disable",
        ] {
            let problem = DatabaseUrl::parse(wrong).unwrap_err();
            assert!(!problem.contains("s3cret"), "{wrong}");
            assert_eq!(DatabaseUrl::shown(wrong), "", "{wrong}");
        }
    }
}
