//! A PostgreSQL server of its own for each test.

#[path = "../tests/support/postgres.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod server;

use self::server::Postgres;
use super::sql::Database;
use crate::Place;

/// Of every table its name and each of its columns.
pub const COLUMNS: &str = "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c JOIN information_schema.tables t ON t.table_name = c.table_name WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'";

pub struct TestServer(Postgres);

impl TestServer {
    pub async fn start() -> Self {
        Self(Postgres::start())
    }

    pub fn restart(&mut self) {
        self.0.restart();
    }

    pub fn stop(&mut self) {
        self.0.stop();
    }

    pub fn go_on(&mut self) {
        self.0.go_on();
    }

    pub fn sql(&self, statement: &str) {
        self.0.sql(statement);
    }

    pub fn address(&self) -> String {
        self.0.address()
    }

    pub fn place(&self) -> Place {
        Place::Postgres(self.address().parse().unwrap())
    }

    pub async fn open(&self, environment: &str) -> Database {
        Self::open_at(&self.address(), environment).await
    }

    pub async fn open_at(address: &str, environment: &str) -> Database {
        super::open(&address.parse().unwrap(), &environment.into()).await.unwrap()
    }
}
