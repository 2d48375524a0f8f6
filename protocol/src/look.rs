//! Asking sources what they are, without bringing their bytes.

use std::time::Duration;

use ays_model::{Check, KeyFile, Network, SecretUrl, Signer};
use serde::{Deserialize, Serialize};

use crate::Expected;

/// One question to one source. See [`crate::Step::Look`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Look {
    /// The source.
    pub url: SecretUrl,
    /// How it is reached. It is tried once.
    pub network: Network,
    /// What is asked.
    pub at: LookAt,
    /// How long it may take in all.
    pub within: Duration,
}

/// What is asked of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookAt {
    /// What it says of itself, and of its bytes by this check. Answered by [`Looked::State`].
    State(Check),
    /// What kind of disk image it is, by its first bytes; of an archive the first disk in it. The check may say where the
    /// bytes are, and is not compared. Answered by [`Looked::Disk`].
    Disk(Check),
    /// What is in this directory. Answered by [`Looked::Listing`].
    Listing,
    /// What public keys this small file holds. Answered by [`Looked::Keys`].
    Keys,
}

/// What was found at a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are the large one")]
pub enum Looked {
    /// See [`LookAt::State`].
    State(SourceState),
    /// See [`LookAt::Disk`].
    Disk(SourceDisk),
    /// The names, as they stand in the directory; those of directories end with `/`. See [`LookAt::Listing`].
    Listing(Vec<String>),
    /// With what their owners have signed, and nothing else. See [`LookAt::Keys`].
    Keys(KeyFile),
}

/// What a source says of its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Bytes, where it says so.
    pub size: Option<u64>,
    /// Its `ETag`, as sent.
    pub etag: Option<String>,
    /// Its `Last-Modified` (as sent) or MDTM (`YYYYMMDDhhmmss`).
    pub last_modified: Option<String>,
    /// Where the file is, when the check says so itself.
    pub address: Option<SecretUrl>,
    /// What the file is called, where its address does not say so.
    pub file: Option<String>,
    /// What the check says that the bytes hash to; none without a check.
    pub expected: Option<Expected>,
    /// Who has signed what says so.
    pub signed_by: Option<Signer>,
    /// What the source calls this state of the file, where it has versions.
    pub version: Option<String>,
}

/// The disk in a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDisk {
    /// `qcow2`, `vmdk`, `vpc`, `vhdx`, `vdi` or `raw`, and how it is packed (`raw in tar in xz`); `unknown` of a packed one whose start does
    /// not tell.
    pub format: String,
    /// What a machine that starts from it sees, in bytes, where the first bytes say so.
    pub virtual_size: Option<u64>,
}
