//! The database of a catalogue that a team shares, as a settings file names it.

use ays_model::is_this_machine;
use ays_secrets::SecretName;
use url::Url;

use crate::secrets::SECRET;

/// A PostgreSQL database. Its password is a secret's name: a settings file holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    /// Without a password.
    pub(crate) url: Url,
    pub(crate) password: Option<SecretName>,
}

/// What an address may say after `?`. Other words would lead elsewhere than its host says (`hostaddr`, `port`), or hold a
/// password.
const WORDS: [&str; 3] = ["sslmode", "sslrootcert", "host"];

/// The port where a server is.
const PORT: u16 = 5432;

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
        // One with `%` would be a directory with a socket.
        let is_host = url.host_str().is_some_and(|host| !host.is_empty() && !host.contains('%'));
        if url.scheme() != "postgres" || !is_host || url.path().len() < 2 {
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
        // Where it leads is in the address, and nowhere else.
        url.set_port(Some(url.port().unwrap_or(PORT))).map_err(|()| WRONG)?;
        let words: Vec<_> =
            url.query_pairs().map(|(word, value)| (word.into_owned(), value.into_owned())).collect();
        let said = |word: &str| words.iter().find(|(said, _)| said == word).map(|(_, value)| value.as_str());
        let is_once =
            |(word, _): &(String, String)| words.iter().filter(|(other, _)| other == word).count() == 1;
        if !words.iter().all(|pair| WORDS.contains(&pair.0.as_str()) && is_once(pair)) {
            return Err("may say sslmode, sslrootcert and host (a socket's directory) after `?`, each once");
        }
        if let Some(directory) = said("host")
            && !(directory.starts_with('/') && url.host_str() == Some("localhost"))
        {
            return Err(
                "may name a socket's directory as postgres://USER@localhost/DATABASE?host=/DIRECTORY",
            );
        }
        match said("sslmode") {
            _ if is_local(&url) => {}
            None => drop(url.query_pairs_mut().append_pair("sslmode", "verify-full")),
            Some("require" | "verify-ca" | "verify-full") => {}
            Some(_) => {
                return Err(
                    "must have sslmode=require, verify-ca or verify-full for a server on another machine",
                );
            }
        }
        Ok(Self { url, password })
    }

    /// Whether it lets a server in that does not prove who it is, or takes another authority's word for it. Only operators
    /// say so, not the environment's repository.
    pub(crate) fn trusts_more(&self) -> bool {
        let said = |(word, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            word == "sslrootcert" || (word == "sslmode" && value != "verify-full")
        };
        !is_local(&self.url) && self.url.query_pairs().any(said)
    }

    /// The text of a setting as everybody may see it.
    pub(crate) fn shown(text: &str) -> String {
        if Self::parse(text).is_ok() { text.to_owned() } else { String::new() }
    }
}

/// Whether what is sent there stays on this machine.
fn is_local(url: &Url) -> bool {
    // A host of another scheme than those of the web is text, also where it is an address.
    url.host_str().is_some_and(is_this_machine)
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
        assert_eq!(url.url.as_str(), "postgres://ays@db.example.org:5432/ays?sslmode=verify-full");
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
            // Each of these would lead the secret elsewhere than to the host that was allowed, or there in clear.
            "postgres://ays:$(secret.db)@db.example.org/ays?host=evil.example",
            "postgres://ays:$(secret.db)@db.example.org/ays?host=/tmp/socket",
            "postgres://ays:$(secret.db)@db.example.org/ays?hostaddr=192.0.2.1",
            "postgres://ays:$(secret.db)@db.example.org/ays?port=7",
            "postgres://ays:$(secret.db)@db.example.org/ays?sslmode=verify-full&sslmode=disable",
            "postgres://ays:$(secret.db)@db.example.org/ays?ssl-mode=disable",
            "postgres://ays:$(secret.db)@%2Ftmp%2Fsocket/ays",
            "postgres://ays:$(secret.db)@localhost/ays?host=evil.example",
            "postgres://ays:$(secret.db)@localhost.evil.example/ays?sslmode=disable",
        ] {
            let problem = DatabaseUrl::parse(wrong).unwrap_err();
            assert!(!problem.contains("s3cret"), "{wrong}");
            assert_eq!(DatabaseUrl::shown(wrong), "", "{wrong}");
        }
    }

    #[test]
    fn less_proof_than_a_server_can_give_is_an_operators_word() {
        let trusts_more = |text: &str| DatabaseUrl::parse(text).unwrap().trusts_more();
        assert!(trusts_more("postgres://ays@db.example.org/ays?sslmode=require"));
        assert!(trusts_more("postgres://ays@db.example.org/ays?sslmode=verify-ca"));
        assert!(trusts_more("postgres://ays@db.example.org/ays?sslrootcert=/tmp/ca.pem"));
        assert!(!trusts_more("postgres://ays@db.example.org/ays"));
        assert!(!trusts_more("postgres://ays@localhost/ays?sslmode=require"));
    }
}
