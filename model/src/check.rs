//! How a source's bytes are verified.

use serde::{Deserialize, Serialize};

use crate::{Digest, Sha256};

/// How the bytes of a source are verified before they take their name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// Not at all; an existing file is fetched again.
    None,
    /// By the MD5 that stands at the source's address + `.md5sum` (`checkmd5:'true'`).
    Md5Beside,
    /// By this SHA-256 (`sha256:'..'`).
    Sha256(Sha256),
    /// By the line for the file's name in a list beside the file, such as `SHA256SUMS` (`sums:'..'`).
    Sums(String),
    /// By the digest of a stored file: it is passed on from pool to pool.
    Stored(Digest),
}
