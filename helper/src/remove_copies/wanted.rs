//! The files that are to be removed, and what is known of each by now.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ays_protocol::{FileUse, MOST_USES, RemovedCopies, RemovedCopy, StoredFile};

/// What tells a file from all others of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    pub device: u64,
    pub inode: u64,
}

impl FileId {
    pub fn of(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

/// The files that are to be removed.
pub(super) struct Wanted {
    /// With no link in its path.
    pool: PathBuf,
    files: Vec<OneFile>,
}

struct OneFile {
    stored: StoredFile,
    /// None: it is not there.
    id: Option<FileId>,
    state: RemovedCopy,
}

impl Wanted {
    pub fn look(pool: &Path, files: &[StoredFile]) -> Self {
        let pool = pool.canonicalize().unwrap_or_else(|_| pool.to_owned());
        let look = |stored: &StoredFile| {
            let (id, state) = state_of(&pool.join(&stored.file), stored);
            OneFile { stored: stored.clone(), id, state }
        };
        let files = files.iter().map(look).collect();
        Self { pool, files }
    }

    /// Looks whether each file is still the one that was looked at before.
    pub fn look_again(&mut self) {
        let Self { pool, files } = self;
        for file in files.iter_mut().filter(|file| file.state == RemovedCopy::Unused) {
            let (id, state) = state_of(&pool.join(&file.stored.file), &file.stored);
            let is_other = id.is_some() && id != file.id;
            file.state = if is_other { RemovedCopy::Kept(vec![FileUse::Other]) } else { state };
        }
    }

    pub fn path(&self, number: usize) -> PathBuf {
        self.pool.join(&self.files[number].stored.file)
    }

    pub fn set(&mut self, number: usize, state: RemovedCopy) {
        self.files[number].state = state;
    }

    /// Those that nothing uses as far as it is known.
    pub fn unused(&self) -> Vec<usize> {
        (0..self.files.len()).filter(|number| self.files[*number].state == RemovedCopy::Unused).collect()
    }

    pub fn any_unused(&self) -> bool {
        !self.unused().is_empty()
    }

    pub fn all_missing(&self) -> bool {
        self.files.iter().all(|file| file.state == RemovedCopy::Missing)
    }

    /// Which of them is this file.
    pub fn find(&self, id: FileId) -> Option<usize> {
        self.files.iter().position(|file| file.id == Some(id))
    }

    /// Which of them has a name that `is`.
    pub fn find_names(&self, is: impl Fn(&str) -> bool) -> Vec<usize> {
        (0..self.files.len()).filter(|number| is(&self.files[*number].stored.file)).collect()
    }

    /// Those of this inode's number.
    pub fn with_inode(&self, inode: u64) -> impl Iterator<Item = (usize, FileId)> {
        let ids = self.files.iter().enumerate();
        ids.filter_map(move |(number, file)| file.id.filter(|id| id.inode == inode).map(|id| (number, id)))
    }

    /// Something uses a file.
    pub fn used(&mut self, number: usize, by: FileUse) {
        match &mut self.files[number].state {
            RemovedCopy::Kept(uses) => {
                if uses.len() < MOST_USES && !uses.contains(&by) {
                    uses.push(by);
                }
            }
            state @ RemovedCopy::Unused => *state = RemovedCopy::Kept(vec![by]),
            RemovedCopy::Missing | RemovedCopy::Removed => {}
        }
    }

    pub fn used_by_name(&mut self, file: &str, by: impl Fn() -> FileUse) {
        for number in self.find_names(|name| name == file) {
            self.used(number, by());
        }
    }

    /// It cannot be told what uses any of them.
    pub fn all_not_told(&mut self, path: &Path, reason: &str) {
        for number in self.unused() {
            self.used(number, FileUse::NotTold { path: path.to_owned(), reason: reason.to_owned() });
        }
    }

    pub fn answer(self, unseen: usize) -> RemovedCopies {
        RemovedCopies {
            files: self.files.into_iter().map(|file| file.state).collect(),
            unseen,
            not_refreshed: None,
        }
    }
}

fn state_of(path: &Path, stored: &StoredFile) -> (Option<FileId>, RemovedCopy) {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return (None, RemovedCopy::Missing);
        }
        Err(error) => {
            let (path, reason) = (path.to_owned(), error.to_string());
            return (None, RemovedCopy::Kept(vec![FileUse::NotTold { path, reason }]));
        }
    };
    let state = if !found.is_file() || stored.size.is_some_and(|size| size != found.len()) {
        RemovedCopy::Kept(vec![FileUse::Other])
    } else if found.nlink() > 1 {
        RemovedCopy::Kept(vec![FileUse::HardLinks(found.nlink())])
    } else {
        RemovedCopy::Unused
    };
    (Some(FileId::of(&found)), state)
}
