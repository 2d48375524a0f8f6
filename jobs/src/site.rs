//! Where a worker's jobs are done.

use async_trait::async_trait;
use ays_catalogue::Catalogue;
use ays_operations::{Actor, Controller, Error};
use ays_transport::SshSettings;

/// Where a worker's jobs are done.
#[async_trait]
pub trait Site: Send + Sync {
    /// What an operation has at hand: the environment as it is now, and the worker's catalogue, so that its locks are the
    /// worker's.
    async fn controller(
        &self,
        catalogue: Catalogue,
        actor: Actor,
    ) -> Result<(Controller, SshSettings), Error>;
}
