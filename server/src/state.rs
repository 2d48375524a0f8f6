//! What all calls share.

use std::sync::Arc;
use std::time::Duration;

use ays_catalogue::Catalogue;
use ays_engine::Stopper;
use ays_jobs::Site;
use ays_operations::{Actor, Controller, Error, PublicationPlan, PublishImage};
use secrecy::SecretString;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::passwords::{PasswordCheck, Passwords};

/// For so long the environment is not read again.
const FRESH: Duration = Duration::from_secs(2);

/// How many calls may wait for news of jobs at once.
const POLLS: usize = 64;

/// How many people may be on their way to a provider of sign-ins at once.
const SIGNING_IN: usize = 16;

/// A server's state. Clones share it.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    catalogue: Catalogue,
    site: Arc<dyn Site>,
    /// The environment as it was read last, and when.
    read: Mutex<Option<(Instant, Controller)>>,
    passwords: Passwords,
    polls: Semaphore,
    signing_in: Semaphore,
}

impl Server {
    /// A server of an environment.
    pub fn new(catalogue: Catalogue, site: Arc<dyn Site>) -> Self {
        Self(Arc::new(Inner {
            catalogue,
            site,
            read: Mutex::default(),
            passwords: Passwords::default(),
            polls: Semaphore::new(POLLS),
            signing_in: Semaphore::new(SIGNING_IN),
        }))
    }

    /// Its catalogue.
    pub fn catalogue(&self) -> Catalogue {
        self.0.catalogue.clone()
    }

    /// Where jobs are done.
    pub(crate) fn site(&self) -> &dyn Site {
        &*self.0.site
    }

    /// What publishing an image would do, for a user.
    ///
    /// # Errors
    ///
    /// There is no such image or account, or an account is not let in.
    pub async fn plan_publication(
        &self,
        user: &str,
        publish: &PublishImage,
    ) -> Result<Vec<PublicationPlan>, Error> {
        let (controller, ssh) = self.0.site.controller(self.catalogue(), Actor(user.to_owned())).await?;
        let (_stopper, stop) = Stopper::new();
        publish.plan(&controller, ssh, &stop).await
    }

    /// What a user may do whose password this is.
    ///
    /// # Errors
    ///
    /// Those of the catalogue.
    pub async fn check_password(&self, name: String, password: SecretString) -> Result<PasswordCheck, Error> {
        self.0.passwords.check(self.catalogue(), name, password).await
    }

    /// The right to wait for news; none: too many wait.
    pub(crate) fn poll(&self) -> Option<SemaphorePermit<'_>> {
        self.0.polls.try_acquire().ok()
    }

    /// The right to ask a provider who somebody is; none: too many do.
    pub(crate) fn sign_in(&self) -> Option<SemaphorePermit<'_>> {
        self.0.signing_in.try_acquire().ok()
    }

    /// What an operation has at hand, for somebody.
    ///
    /// # Errors
    ///
    /// The environment cannot be read.
    pub async fn controller(&self, actor: Actor) -> Result<Controller, Error> {
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
