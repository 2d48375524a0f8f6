//! A key that is put into the environment.

use std::io;
use std::path::{Path, PathBuf};

use ays_files::{Readers, replace};
use ays_model::{KeyFile, Signer};
use ays_signatures::{KeyError, PublicKeys};
use jiff::Timestamp;

use crate::environment::Environment;
use crate::names::Place;
use crate::signing_keys::{KEYS, KeyFileError};

/// Why a key is not put into the environment.
#[derive(Debug, thiserror::Error)]
pub enum NewKeyError {
    /// The file that it should come from gives none.
    #[error("{path}: {error}", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: KeyFileError,
    },
    /// The disk says no.
    #[error("{path} cannot be written", path = .path.display())]
    Write {
        /// What was being written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The keys in a file that somebody names.
///
/// # Errors
///
/// It holds none.
pub fn read_key(path: &Path) -> Result<KeyFile, NewKeyError> {
    let failed = |error| NewKeyError::Key { path: path.to_owned(), error };
    let bytes = std::fs::read(path).map_err(|error| failed(KeyFileError::Unreadable(error.to_string())))?;
    let keys = PublicKeys::read(&bytes).map_err(|error| failed(error.into()))?;
    Ok(keys.to_file(&path.display().to_string()))
}

/// Puts the key of a signer into the environment, whatever else `key` holds; gives its file, as errors name it.
///
/// # Errors
///
/// The disk says no.
pub fn write_key(environment: &Environment, key: &KeyFile, signer: &Signer) -> Result<Place, NewKeyError> {
    let now = Timestamp::now();
    let read = PublicKeys::read(key.text.as_bytes());
    let own = read.and_then(|keys| keys.of(signer, now).ok_or(KeyError::None));
    let own =
        own.map_err(|error| NewKeyError::Key { path: PathBuf::from(&key.name), error: error.into() })?;
    let directory = environment.root.join(KEYS);
    let path = directory.join(own.file_name(now));
    let failed = |source| NewKeyError::Write { path: path.clone(), source };
    if directory.is_symlink() {
        return Err(failed(io::Error::other("it is a link: nothing is written through one")));
    }
    std::fs::create_dir_all(&directory).map_err(failed)?;
    replace(&path, own.to_file("").text.as_bytes(), Readers::AsBefore).map_err(failed)?;
    Ok(environment.place(&path))
}
