//! Small files of one user: read, locked, replaced.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use ays_files::Readers;

/// What is in a file; none where there is no such file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the directory of a file, and locks it as long as the result lives.
pub(crate) fn lock(path: &Path) -> io::Result<File> {
    let directory = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let directory = File::open(directory)?;
    directory.lock()?;
    Ok(directory)
}

/// Puts a file in place as a whole, for its user alone. Its directory is locked.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    ays_files::replace(path, bytes, Readers::User)
}
