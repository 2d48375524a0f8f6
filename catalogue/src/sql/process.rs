//! Which workers are there.

use std::sync::PoisonError;

use async_trait::async_trait;

use super::Database;
use crate::{CatalogueError, Process, Processes};

#[async_trait]
impl Processes for Database {
    async fn enter(&self, name: &str) -> Result<Process, CatalogueError> {
        let process = super::super::enter(self, name).await.map_err(self.failed("entering as a worker"))?;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
        Ok(process)
    }

    async fn gone(&self, names: &[String]) -> Result<Vec<String>, CatalogueError> {
        let mut gone = Vec::new();
        for name in names {
            if super::super::is_gone(self, name)
                .await
                .map_err(self.failed("asking which workers are there"))?
            {
                gone.push(name.clone());
            }
        }
        Ok(gone)
    }

    async fn give_back_locks_of(&self, process: &str) -> Result<(), CatalogueError> {
        self.write_one(
            "giving the locks of a worker back",
            sqlx::query("DELETE FROM lock_holder WHERE process = $1").bind(process),
        )
        .await?;
        Ok(())
    }
}
