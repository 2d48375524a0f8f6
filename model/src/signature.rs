//! Signatures of what sources serve: what a recipe asks for, and who was found to have signed.

use serde::{Deserialize, Serialize};

use crate::Fingerprint;

/// A key of the environment's `keys` directory: whoever has its other half may sign what recipes fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    /// Its path from the environment's root (`keys/ubuntu.asc`, `keys/void.pub`).
    pub name: String,
    /// OpenPGP in ASCII armor, or a public key of minisign.
    pub text: String,
}

/// The signature that a source's bytes, or the list of their checksums, must have (`signed:'..'`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Its file beside the source (`SHA256SUMS.gpg`); a clear-signed list is its own.
    pub file: String,
    /// Whose signature counts: each of these.
    pub keys: Vec<KeyFile>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// Of the primary key, whichever of its subkeys has signed.
    pub fingerprint: Fingerprint,
    /// Whose key it is by its own words (`Ubuntu Cloud Image Builder <..>`); what a key of minisign is called.
    pub user_id: String,
}

impl std::fmt::Display for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.fingerprint, self.user_id)
    }
}
