use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{AbortHandle, JoinSet};

/// What serves other nodes: it goes on while the next steps run, and ends with the helper.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listeners(Arc<Mutex<JoinSet<()>>>);

impl Listeners {
    pub(crate) fn add(&self, serving: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).spawn(serving)
    }
}
