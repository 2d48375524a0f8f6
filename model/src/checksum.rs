//! Checksums of a file's bytes, as sources publish them and recipes hold them.

use std::fmt;
use std::str::FromStr;

use crate::words::words;
use crate::{Md5, NoDigest, Sha1, Sha256, Sha384, Sha512};

/// A kind of checksum, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChecksumKind {
    /// 32 digits. Two files of one MD5 can be made.
    Md5,
    /// 40 digits. Two files of one SHA-1 can be made.
    Sha1,
    /// 64 digits.
    Sha256,
    /// 96 digits.
    Sha384,
    /// 128 digits.
    Sha512,
}

words!(ChecksumKind {
    Md5 => "md5",
    Sha1 => "sha1",
    Sha256 => "sha256",
    Sha384 => "sha384",
    Sha512 => "sha512",
});

impl ChecksumKind {
    /// As people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// How many hexadecimal digits it has.
    pub const fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    /// Whether two files that have the same one can be made.
    pub const fn is_weak(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1)
    }

    /// The checksum of this kind that is written in these digits.
    ///
    /// # Errors
    ///
    /// There are too few or too many of them, or they are none.
    pub fn read(self, digits: &str) -> Result<Checksum, NoDigest> {
        Ok(match self {
            Self::Md5 => Checksum::Md5(digits.parse()?),
            Self::Sha1 => Checksum::Sha1(digits.parse()?),
            Self::Sha256 => Checksum::Sha256(digits.parse()?),
            Self::Sha384 => Checksum::Sha384(digits.parse()?),
            Self::Sha512 => Checksum::Sha512(digits.parse()?),
        })
    }
}

/// A checksum, written with its kind before it: `sha512:0123..`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// See [`ChecksumKind::Md5`].
    Md5(Md5),
    /// See [`ChecksumKind::Sha1`].
    Sha1(Sha1),
    /// See [`ChecksumKind::Sha256`].
    Sha256(Sha256),
    /// See [`ChecksumKind::Sha384`].
    Sha384(Sha384),
    /// See [`ChecksumKind::Sha512`].
    Sha512(Sha512),
}

impl Checksum {
    /// Its kind.
    pub const fn kind(&self) -> ChecksumKind {
        match self {
            Self::Md5(_) => ChecksumKind::Md5,
            Self::Sha1(_) => ChecksumKind::Sha1,
            Self::Sha256(_) => ChecksumKind::Sha256,
            Self::Sha384(_) => ChecksumKind::Sha384,
            Self::Sha512(_) => ChecksumKind::Sha512,
        }
    }

    /// Its digits, without the kind.
    pub fn digits(&self) -> String {
        match self {
            Self::Md5(digest) => digest.to_string(),
            Self::Sha1(digest) => digest.to_string(),
            Self::Sha256(digest) => digest.to_string(),
            Self::Sha384(digest) => digest.to_string(),
            Self::Sha512(digest) => digest.to_string(),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.digits())
    }
}

impl FromStr for Checksum {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let (kind, digits) = text.split_once(':').unwrap_or_default();
        let kind: ChecksumKind = kind.parse().map_err(|_| NoDigest { digits: 64 })?;
        kind.read(digits)
    }
}

impl TryFrom<String> for Checksum {
    type Error = NoDigest;

    fn try_from(text: String) -> Result<Self, NoDigest> {
        text.parse()
    }
}

impl serde::Serialize for Checksum {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Checksum {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_written_with_its_kind() {
        for kind in ChecksumKind::ALL {
            let digits = "aB".repeat(kind.digits() / 2);
            let checksum = kind.read(&digits).unwrap();
            assert_eq!(checksum.kind(), *kind);
            assert_eq!(checksum.to_string(), format!("{kind}:{}", digits.to_lowercase()));
            assert_eq!(checksum.to_string().parse(), Ok(checksum));
            let json = serde_json::to_string(&checksum).unwrap();
            assert_eq!(serde_json::from_str::<Checksum>(&json).unwrap(), checksum);
            assert_eq!(kind.read(&digits[1..]), Err(NoDigest { digits: kind.digits() }));
        }
        for text in ["", "ab", "md5:", "md4:00", "sha256:ab"] {
            assert!(text.parse::<Checksum>().is_err(), "{text}");
        }
    }
}
