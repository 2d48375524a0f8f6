//! Digests: bytes in the program, lower-case hexadecimal wherever they are written.

/// A text that is no digest of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {digits} hexadecimal digits")]
pub struct NoDigest {
    /// How many digits it would have.
    pub digits: usize,
}

/// Makes a type for a kind of digest.
macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut text = [0; 2 * $bytes];
                // The text has two digits for each byte.
                match hex::encode_to_slice(self.0, &mut text) {
                    Ok(()) => f.pad(std::str::from_utf8(&text).unwrap_or_default()),
                    Err(_) => Err(std::fmt::Error),
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NoDigest;

            /// Takes digits of either case.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; $bytes];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| NoDigest { digits: 2 * $bytes })?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NoDigest;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<[u8; $bytes]> for $name {
            fn from(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

digest! {
    /// A file's MD5.
    Md5, 16
}
digest! {
    /// A file's SHA-1.
    Sha1, 20
}
digest! {
    /// A file's SHA-256.
    Sha256, 32
}
digest! {
    /// A file's SHA-384.
    Sha384, 48
}
digest! {
    /// A file's SHA-512.
    Sha512, 64
}
digest! {
    /// What a guest sees, named by the fs-verity digest of the virtual disk's bytes (SHA-256, blocks of 4096, no salt):
    /// what `fsverity digest` prints for a raw file. The digest of a file in another format is of the same kind.
    Content, 32
}

impl Content {
    /// How many digits of it are in a stored file's name.
    pub const DIGITS_IN_NAMES: usize = 12;

    /// The name of a file with this content in a pool: no other content ever takes it.
    pub fn file_name(&self, stem: &str, format: crate::DiskFormat) -> String {
        let digits = self.to_string();
        format!("{stem}-{}.{format}", &digits[..Self::DIGITS_IN_NAMES])
    }

    /// The digits of a content in the name of a stored file, and the file's format; none: it is no name of a stored file.
    pub fn digits_in_name(name: &str) -> Option<(&str, crate::DiskFormat)> {
        let (rest, format) = name.rsplit_once('.')?;
        let (stem, digits) = rest.rsplit_once('-')?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_content = digits.len() == Self::DIGITS_IN_NAMES && digits.bytes().all(is_digit);
        let is_plain = !stem.is_empty()
            && !stem.starts_with('.')
            && !stem.contains(|c: char| c == '/' || c.is_control());
        Some((digits, format.parse().ok()?)).filter(|_| is_content && is_plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_in_lower_case_and_read_in_any() {
        let text = "d41d8cd98f00b204e9800998ecf8427e";
        let md5: Md5 = text.to_uppercase().parse().unwrap();
        assert_eq!(md5.to_string(), text);
        assert_eq!(serde_json::to_string(&md5).unwrap(), format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Md5>(&format!("\"{text}\"")).unwrap(), md5);
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["", "d4", "g41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e0"] {
            assert_eq!(text.parse::<Md5>(), Err(NoDigest { digits: 32 }), "{text}");
        }
    }

    #[test]
    fn a_stored_file_is_named_by_its_content() {
        let content = Content([0xab; 32]);
        let name = content.file_name("wily", crate::DiskFormat::Raw);
        assert_eq!(name, "wily-abababababab.raw");
        assert_eq!(Content::digits_in_name(&name), Some(("abababababab", crate::DiskFormat::Raw)));
        for other in [
            "wily.raw",
            "wily-ababababab.raw",
            "wily-ABABABABABAB.raw",
            "wily-abababababab.vmdk",
            "-abababababab.raw",
            ".wily-abababababab.raw",
            "a/b-abababababab.raw",
            "a\nb-abababababab.raw",
        ] {
            assert_eq!(Content::digits_in_name(other), None, "{other:?}");
        }
    }
}
