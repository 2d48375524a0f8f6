use std::path::{Path, PathBuf};

/// A file that is removed when this is dropped, unless it has been given its final name.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    keep: bool,
}

impl Temporary {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, keep: false }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// It has its final name now.
    pub(crate) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.keep {
            // Nobody is there to be told; the next run removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
