//! A PostgreSQL server of its own for each test.

#[path = "../tests/support/postgres.rs"]
mod server;

use self::server::Postgres;
use super::sql::Database;
use crate::Place;

pub struct TestServer(Postgres);

impl TestServer {
    pub async fn start() -> Self {
        Self(Postgres::start())
    }

    pub fn restart(&mut self) {
        self.0.restart();
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
