//! What all calls share.

use std::sync::Arc;
use std::time::Duration;

use ays_catalogue::Catalogue;
use ays_jobs::Site;
use ays_operations::{Actor, Controller, Error};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

/// For so long the environment is not read again.
const FRESH: Duration = Duration::from_secs(2);

/// How many passwords are looked at at once: each takes 20 MB of memory, and all of a processor.
const PASSWORDS: usize = 2;

/// A server's state. Clones share it.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    catalogue: Catalogue,
    site: Arc<dyn Site>,
    /// The environment as it was read last, and when.
    read: Mutex<Option<(Instant, Controller)>>,
    passwords: Semaphore,
}

impl Server {
    /// A server of an environment.
    pub fn new(catalogue: Catalogue, site: Arc<dyn Site>) -> Self {
        let passwords = Semaphore::new(PASSWORDS);
        Self(Arc::new(Inner { catalogue, site, read: Mutex::default(), passwords }))
    }

    pub(crate) fn catalogue(&self) -> Catalogue {
        self.0.catalogue.clone()
    }

    pub(crate) fn passwords(&self) -> &Semaphore {
        &self.0.passwords
    }

    /// What an operation has at hand, for somebody.
    pub(crate) async fn controller(&self, actor: Actor) -> Result<Controller, Error> {
        let mut read = self.0.read.lock().await;
        if let Some((at, controller)) = &*read
            && at.elapsed() < FRESH
        {
            return Ok(Controller { actor, ..controller.clone() });
        }
        let (controller, _) = self.0.site.controller(self.catalogue(), actor).await?;
        *read = Some((Instant::now(), controller.clone()));
        Ok(controller)
    }
}
