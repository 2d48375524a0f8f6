//! The file that keeps secrets, encrypted by age for a key of this user.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use age::x25519::Identity;
use age::{DecryptError, decrypt, encrypt};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::error::SecretsError;
use crate::file;
use crate::name::SecretName;

/// An encrypted file and its key: both are as `age` itself writes them, and made when the first secret is kept.
#[derive(Debug, Clone)]
pub struct Vault {
    /// The file.
    pub file: PathBuf,
    /// The key's file, which only its user can read.
    pub identity: PathBuf,
}

/// What a file keeps.
pub(crate) type Kept = BTreeMap<SecretName, SecretString>;

impl Vault {
    /// All that it keeps; nothing where it was not made yet.
    pub(crate) fn read(&self) -> Result<Kept, SecretsError> {
        let Some(bytes) = read(&self.file)? else { return Ok(Kept::new()) };
        let (file, identity) = (self.file.clone(), self.identity.clone());
        let Some(key) = self.key()? else { return Err(SecretsError::NoIdentity { file, identity }) };
        let plain = Zeroizing::new(decrypt(&key, &bytes).map_err(|error| match error {
            DecryptError::NoMatchingKeys => SecretsError::Foreign { file: file.clone(), identity },
            error => SecretsError::Damaged { file: file.clone(), source: Some(error) },
        })?);
        // What serde says might quote it.
        serde_json::from_slice(&plain).map_err(|_| SecretsError::Damaged { file, source: None })
    }

    /// Changes what it keeps; nobody else does so meanwhile. A file that cannot be read is left as it is.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> Result<T, SecretsError> {
        // Without the file there is nothing that another key could open. Not under the other lock: both files may be in
        // one directory.
        if !self.file.exists() {
            self.make_key()?;
        }
        let _lock = lock(&self.file)?;
        let mut kept = self.read()?;
        let (file, identity) = (self.file.clone(), self.identity.clone());
        let key = self.key()?.ok_or(SecretsError::NoIdentity { file, identity })?;
        let changed = change(&mut kept);
        let shown: BTreeMap<_, _> =
            kept.iter().map(|(name, secret)| (name.as_str(), secret.expose_secret())).collect();
        let plain =
            Zeroizing::new(serde_json::to_vec(&shown).map_err(|error| self.unwritable(error.into()))?);
        let bytes = encrypt(&key.to_public(), &plain).map_err(SecretsError::Encrypt)?;
        replace(&self.file, &bytes)?;
        Ok(changed)
    }

    fn key(&self) -> Result<Option<Identity>, SecretsError> {
        let Some(bytes) = read(&self.identity)? else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        let identity = self.identity.clone();
        let unreadable = |source| SecretsError::Unreadable { path: self.identity.clone(), source };
        if fs::metadata(&self.identity).map_err(unreadable)?.permissions().mode() & 0o077 != 0 {
            return Err(SecretsError::OpenIdentity { identity });
        }
        let lines = std::str::from_utf8(&bytes).unwrap_or_default().lines();
        let key = lines.map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let key = key.and_then(|key| key.parse().ok());
        key.map(Some).ok_or(SecretsError::BadIdentity { identity })
    }

    fn make_key(&self) -> Result<(), SecretsError> {
        // Another environment's store may be making it.
        let _lock = lock(&self.identity)?;
        if self.key()?.is_some() {
            return Ok(());
        }
        let key = Identity::generate();
        let (public, private) = (key.to_public(), key.to_string());
        let text = Zeroizing::new(format!("# public key: {public}\n{}\n", private.expose_secret()));
        replace(&self.identity, text.as_bytes())
    }

    fn unwritable(&self, source: io::Error) -> SecretsError {
        SecretsError::Unwritable { path: self.file.clone(), source }
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, SecretsError> {
    file::read(path).map_err(|source| SecretsError::Unreadable { path: path.to_owned(), source })
}

fn lock(path: &Path) -> Result<File, SecretsError> {
    file::lock(path).map_err(|source| SecretsError::Unwritable { path: path.to_owned(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), SecretsError> {
    file::replace(path, bytes).map_err(|source| SecretsError::Unwritable { path: path.to_owned(), source })
}
