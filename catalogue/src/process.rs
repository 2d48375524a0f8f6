//! Workers as processes: whether one is still there is known at once, without waiting for it to be silent.

use std::fmt;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::CatalogueError;

/// That this process is there. It ends with it, however that ends: the kernel gives a file's lock back, and PostgreSQL the
/// lock of a connection that is gone. Dropped, the process counts as gone.
pub struct Process {
    /// Its name.
    pub name: String,
    pub(crate) lost: watch::Receiver<bool>,
    /// What holds the lock.
    pub(crate) _held: Box<dyn Send + Sync>,
}

impl Process {
    /// Completes when others may take this process for gone: the database could not be reached.
    pub async fn lost(&self) {
        if self.lost.clone().wait_for(|lost| *lost).await.is_err() {
            // Nobody is left who could say so.
            std::future::pending().await
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Process").field(&self.name).finish()
    }
}

/// Which workers are there.
#[async_trait]
pub trait Processes: fmt::Debug + Send + Sync {
    /// Says that a process of this name is there, and that all locks which are taken from now on are its own.
    async fn enter(&self, name: &str) -> Result<Process, CatalogueError>;

    /// Those of these processes that are gone. One whose machine cannot be reached may count as there for long.
    async fn gone(&self, names: &[String]) -> Result<Vec<String>, CatalogueError>;

    /// Gives back all locks of a process that is gone.
    async fn give_back_locks_of(&self, process: &str) -> Result<(), CatalogueError>;
}
