//! Why a signature proves nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Fingerprint, Signer};

/// Why a signature proves nothing; each says whose it is, where that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SignatureFault {
    /// There is no such file.
    #[error("there is no signature: {reason}")]
    Missing {
        /// What the source said.
        reason: String,
    },
    /// What should be a signature is none.
    #[error("it holds no signature that can be read: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// A key is none.
    #[error("{file} cannot be used: {reason}")]
    Key {
        /// Its file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// None of the keys that count has made it.
    #[error("it is signed by the key {}, which is not in the environment's keys/", all(.issuers))]
    UnknownKey {
        /// Who signed, by the signature's own words, which nothing proves.
        issuers: Vec<Fingerprint>,
        /// What the key's file would be called.
        file: String,
    },
    /// Other bytes were signed.
    #[error("the signature by {signer} does not fit: these are not the bytes that were signed")]
    Bad {
        /// Whose it should be.
        signer: Signer,
    },
    /// The key has expired.
    #[error("the key {signer} has expired on {since}")]
    ExpiredKey {
        /// Whose it is.
        signer: Signer,
        /// Since when.
        since: Timestamp,
    },
    /// Whoever has the key has said that it counts no more.
    #[error("the key {signer} is revoked: {reason}")]
    RevokedKey {
        /// Whose it is.
        signer: Signer,
        /// The reason that was given.
        reason: String,
    },
    /// The key is not one that signs files.
    #[error("the key {key} of {signer} may not sign: {reason}")]
    WrongUsage {
        /// Whose it is.
        signer: Signer,
        /// The key that was used, which may be one of its subkeys.
        key: Fingerprint,
        /// What it lacks.
        reason: String,
    },
    /// Two texts with one such hash can be made.
    #[error("the signature by {signer} is over {hash}, which is weak")]
    WeakHash {
        /// Whose it is.
        signer: Signer,
        /// Its name.
        hash: String,
    },
    /// The signature itself has a last day.
    #[error("the signature by {signer} has expired on {since}")]
    ExpiredSignature {
        /// Whose it is.
        signer: Signer,
        /// Since when.
        since: Timestamp,
    },
    /// One of two clocks is wrong.
    #[error(
        "the signature by {signer} is from the future: it was made on {made}, and the clock of the machine that checks it \
         says {now}"
    )]
    Future {
        /// Whose it is.
        signer: Signer,
        /// When it was made.
        made: Timestamp,
        /// What time it is.
        now: Timestamp,
    },
    /// It is made in a way that is not verified here.
    #[error("the signature by {signer} is not of a kind that is verified here: {reason}")]
    Unsupported {
        /// Whose it is.
        signer: Signer,
        /// What kind.
        reason: String,
    },
    /// The bytes cannot be read again.
    #[error("what was signed could not be read: {reason}")]
    Reading {
        /// The system's own words.
        reason: String,
    },
}

impl SignatureFault {
    /// What to do about it.
    pub fn cure(&self) -> String {
        match self {
            Self::Missing { .. } => "correct `signed`: it names a file beside the source".to_owned(),
            Self::Unreadable { .. } => {
                "correct `signed`: it names a detached signature (.gpg, .asc, .sig), a clear-signed list, or a .minisig"
                    .to_owned()
            }
            Self::Key { .. } => "put the key there again, or remove the file".to_owned(),
            Self::UnknownKey { file, .. } => format!(
                "get that key from whoever publishes the image, compare its fingerprint with what they say elsewhere, and \
                 put it there as {file}"
            ),
            Self::Bad { .. } => {
                "try again later, since a mirror may be between two states; if it stays so, do not install this".to_owned()
            }
            Self::ExpiredKey { .. } => {
                "get the renewed key from whoever publishes the image, and put it into keys/ in the old one's place".to_owned()
            }
            Self::RevokedKey { .. } => {
                "remove it from keys/, and get the new key from whoever publishes the image".to_owned()
            }
            Self::WrongUsage { .. } => {
                "ask whoever publishes the image for the key that they sign by, and put that into keys/".to_owned()
            }
            Self::WeakHash { .. } | Self::Unsupported { .. } => {
                "ask whoever publishes the image for a signature by gpg over SHA-256 or SHA-512, or by minisign -H".to_owned()
            }
            Self::ExpiredSignature { .. } => "whoever publishes the image has to sign anew".to_owned(),
            Self::Future { .. } => "set that clock; if it is right, the signer's was wrong".to_owned(),
            Self::Reading { .. } => "see whether the disk works".to_owned(),
        }
    }
}

fn all(issuers: &[Fingerprint]) -> String {
    let issuers: Vec<&str> = issuers.iter().map(Fingerprint::as_str).collect();
    if issuers.is_empty() { "that it does not name".to_owned() } else { issuers.join(", ") }
}
