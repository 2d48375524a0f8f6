//! What several steps do with the node's file system, with its errors in an operator's words.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use ays_model::Sha256;
use ays_protocol::Failure;
use sha2::Digest;

/// A failure of the node's file system.
pub(crate) fn failure(path: &Path, doing: &str, error: &io::Error) -> Failure {
    Failure::Disk { path: path.display().to_string(), doing: doing.to_owned(), reason: error.to_string() }
}

/// A path that is refused.
pub(crate) fn refused(path: &Path, reason: &str) -> Failure {
    Failure::BadPath { path: path.display().to_string(), reason: reason.to_owned() }
}

/// Runs what blocks on another thread, so that beats go on.
pub(crate) async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending; nobody waits for this any more.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Only absolute paths without `..` are worked on, and only such as name a file.
pub(crate) fn check_path(path: &Path) -> Result<(), Failure> {
    if !path.is_absolute() {
        return Err(refused(path, "the path is not absolute"));
    }
    if path.components().any(|component| component == Component::ParentDir) {
        return Err(refused(path, "the path goes up with `..`"));
    }
    Ok(())
}

/// Makes a directory and those above it.
pub(crate) fn make_directory(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| failure(path, "making the directory", &error))
}

/// Bytes that this process may still write under `directory`.
pub(crate) fn free_space(directory: &Path) -> Result<u64, Failure> {
    let space = rustix::fs::statvfs(directory)
        .map_err(|error| failure(directory, "looking up its free space", &error.into()))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Makes the names in a directory last: a rename before it survives a power cut.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), Failure> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| failure(directory, "syncing the directory", &error))
}

/// Gives a synced file its final name, and makes the name last.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to).map_err(|error| failure(to, "renaming", &error))?;
    sync_directory(to.parent().unwrap_or(Path::new("/")))
}

/// Removes a file; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failure(path, "removing", &error)),
        _ => Ok(()),
    }
}

/// Of all that is left of a file.
pub(crate) fn sha256_of(file: &mut File) -> io::Result<Sha256> {
    let mut sha256 = sha2::Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Sha256(sha256.finalize().into())),
            count => sha256.update(&buffer[..count]),
        }
    }
}

/// Whether bytes are nothing but zeros, which a file can leave out.
pub(crate) fn is_zeros(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|part| *part == ZEROS[..part.len()])
}
