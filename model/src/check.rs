//! How a source's bytes are verified.

use serde::{Deserialize, Serialize};

use crate::{Artifact, Checksum, Signed, Stream};

/// How the bytes of a source are verified before they take their name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// Not at all; an existing file is fetched again.
    None,
    /// By the MD5 that stands at the source's address + `.md5sum` (`checkmd5:'true'`).
    Md5Beside,
    /// By this checksum (`md5:'..'`, `sha1:'..'`, `sha256:'..'`, `sha384:'..'`, `sha512:'..'`).
    Checksum(Checksum),
    /// By the strongest checksum that a list beside the file has for it.
    Sums {
        /// The list, such as `SHA256SUMS` (`sums:'..'`).
        list: String,
        /// What the list calls the file (`file:'..'`); none: as the last part of its address.
        file: Option<String>,
        /// The list counts only when it is signed (`signed:'..'`).
        signed: Option<Signed>,
    },
    /// By a signature of the bytes themselves (`signed:'..'` without a list).
    Signed {
        /// Whose.
        signed: Signed,
        /// They must have this checksum as well.
        checksum: Option<Checksum>,
    },
    /// By what a simplestreams server says of a product's newest version, which says where the bytes are as well: the
    /// source's address is the directory of the streams (`product:'..'`).
    Stream(Stream),
    /// By the digests of a registry: the manifest that the source's address leads to says which layer is the disk.
    Artifact(Artifact),
}

impl Check {
    /// Whether it says where the bytes are as well, so that the source's address alone does not lead to them.
    pub const fn leads_elsewhere(&self) -> bool {
        matches!(self, Self::Stream(_) | Self::Artifact(_))
    }
}
