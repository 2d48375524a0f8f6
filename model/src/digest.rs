//! The digest of a stored file, or of the disk in it, as records and indexes write it.

use std::fmt;
use std::str::FromStr;

use crate::{Content, NoDigest, Sha256};

/// How a stored file, or the disk in it, is known again. It is written with its kind before it:
/// `fsverity-sha256:0123..`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// What `fsverity digest` prints.
    FsVerity(Content),
    /// The SHA-256 of all bytes, holes included: how catalogues of before have it. The next scrub or install replaces it.
    Sha256(Sha256),
}

/// What a digest of each kind begins with.
const FS_VERITY: &str = "fsverity-sha256:";
const SHA256: &str = "sha256:";

impl Digest {
    /// The digits, without their kind.
    pub fn digits(&self) -> String {
        match self {
            Self::FsVerity(content) => content.to_string(),
            Self::Sha256(sha256) => sha256.to_string(),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FsVerity(content) => write!(f, "{FS_VERITY}{content}"),
            Self::Sha256(sha256) => write!(f, "{SHA256}{sha256}"),
        }
    }
}

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        match (text.strip_prefix(FS_VERITY), text.strip_prefix(SHA256)) {
            (Some(digits), _) => digits.parse().map(Self::FsVerity),
            (None, Some(digits)) => digits.parse().map(Self::Sha256),
            (None, None) => Err(NoDigest { digits: 64 }),
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = NoDigest;

    fn try_from(text: String) -> Result<Self, NoDigest> {
        text.parse()
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_with_its_kind() {
        for (digest, text) in [
            (Digest::FsVerity(Content([0xab; 32])), format!("fsverity-sha256:{}", "ab".repeat(32))),
            (Digest::Sha256(Sha256([1; 32])), format!("sha256:{}", "01".repeat(32))),
        ] {
            assert_eq!(digest.to_string(), text);
            assert_eq!(text.parse(), Ok(digest));
            assert_eq!(serde_json::from_str::<Digest>(&format!("{text:?}")).unwrap(), digest);
        }
        for text in ["", "ab", "md5:ab", "sha256:ab", "fsverity-sha256:"] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
