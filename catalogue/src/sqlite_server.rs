//! What stands for a server where the database is a file: a directory of its own.

use tempfile::TempDir;

use super::sql::Database;
use crate::Place;

/// Of every table its name and each of its columns.
pub const COLUMNS: &str =
    "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";

pub struct TestServer(TempDir);

impl TestServer {
    pub async fn start() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn address(&self) -> String {
        self.0.path().join("catalogue.sqlite").to_str().unwrap().to_owned()
    }

    pub fn place(&self) -> Place {
        Place::File(self.address().into())
    }

    pub async fn open(&self, environment: &str) -> Database {
        Self::open_at(&self.address(), environment).await
    }

    pub async fn open_at(address: &str, environment: &str) -> Database {
        super::open(address.as_ref(), &environment.into()).await.unwrap()
    }
}
