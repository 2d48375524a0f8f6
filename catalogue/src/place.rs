//! Where a catalogue is: a file of this machine, or a PostgreSQL database that several controllers share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ays_model::EnvironmentName;
use sqlx::postgres::PgConnectOptions;
use url::Url;

/// Where a catalogue is.
#[derive(Debug, Clone)]
pub enum Place {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresUrl),
}

/// Which environment a catalogue is opened for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentKey {
    /// Its name.
    pub name: EnvironmentName,
    /// The remote of its git repository, for a database where others may have an environment of that name; none: it is not
    /// asked.
    pub repository: Option<String>,
}

/// A PostgreSQL database and the login for it.
///
/// It prints as `postgres://user@host:port/database`, without the password.
#[derive(Clone)]
pub struct PostgresUrl(Box<PgConnectOptions>);

/// Text that names no database. The text itself may hold a password, so it is not shown.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is no PostgreSQL address: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, where special characters of the \
     password are percent-encoded"
)]
pub struct NoDatabase;

/// The port where a server is.
const PORT: u16 = 5432;

impl PostgresUrl {
    /// How to connect.
    pub fn options(&self) -> PgConnectOptions {
        (*self.0).clone()
    }
}

impl FromStr for PostgresUrl {
    type Err = NoDatabase;

    fn from_str(text: &str) -> Result<Self, NoDatabase> {
        let url = Url::parse(text).map_err(|_| NoDatabase)?;
        let is_whole =
            matches!(url.scheme(), "postgres" | "postgresql") && url.has_host() && url.path().len() > 1;
        let options: PgConnectOptions = is_whole.then(|| text.parse().ok()).flatten().ok_or(NoDatabase)?;
        // Parsing takes what PGPASSWORD and ~/.pgpass have: that is not meant for whatever server an address names.
        let options = if url.password().is_none() { options.password("") } else { options };
        Ok(Self(Box::new(options.port(url.port().unwrap_or(PORT)))))
    }
}

impl From<&str> for EnvironmentKey {
    fn from(name: &str) -> Self {
        Self { name: name.into(), repository: None }
    }
}

impl From<&Path> for Place {
    fn from(file: &Path) -> Self {
        Self::File(file.to_path_buf())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0;
        let socket = options.get_socket().map(|socket| socket.display().to_string());
        let host = socket.unwrap_or_else(|| options.get_host().to_owned());
        write!(f, "postgres://{}@{host}:{}", options.get_username(), options.get_port())?;
        options.get_database().map_or(Ok(()), |database| write!(f, "/{database}"))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{NoDatabase, PostgresUrl};

    #[test]
    fn a_password_is_never_shown() {
        let url: PostgresUrl = "postgres://ays:s3cr%40t@db.example:5433/ays".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://ays@db.example:5433/ays");
        assert_eq!(format!("{url:?}"), "postgres://ays@db.example:5433/ays");
        for wrong in ["ays:s3cret@db", "mysql://ays:s3cret@db/ays", "postgres://ays:s3cret@db:port/ays", ""] {
            let error: NoDatabase = wrong.parse::<PostgresUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{wrong}");
        }
    }
}
