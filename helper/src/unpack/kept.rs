use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Unpacking;

/// What is being unpacked of files that were fetched, until it is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unpackings(Arc<Mutex<HashMap<PathBuf, Unpacking>>>);

impl Unpackings {
    /// Keeps what is unpacked of the file at `path`; none forgets what was.
    pub(crate) fn keep(&self, path: &Path, unpacking: Option<Unpacking>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match unpacking {
            Some(unpacking) => kept.insert(path.to_owned(), unpacking),
            None => kept.remove(path),
        };
    }

    pub(crate) fn take(&self, path: &Path) -> Option<Unpacking> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path)
    }
}
