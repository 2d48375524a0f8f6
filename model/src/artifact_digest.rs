//! The digests of registries.

use crate::{Checksum, ChecksumKind};

/// Reads a digest as registries write it: `sha256:` or `sha512:` with small digits.
pub fn artifact_digest(text: &str) -> Option<Checksum> {
    let digest: Checksum = text.parse().ok()?;
    let is_of_registries = matches!(digest.kind(), ChecksumKind::Sha256 | ChecksumKind::Sha512);
    (is_of_registries && digest.to_string() == text).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strong_digests_in_their_one_spelling() {
        for (kind, digits, is_one) in [
            ("sha256", "ab".repeat(32), true),
            ("sha512", "ab".repeat(64), true),
            ("sha256", "AB".repeat(32), false),
            ("SHA256", "ab".repeat(32), false),
            ("sha256", "ab".repeat(31), false),
            ("sha384", "ab".repeat(48), false),
            ("sha1", "ab".repeat(20), false),
            ("md5", "ab".repeat(16), false),
            ("", "ab".repeat(32), false),
        ] {
            let text = format!("{kind}:{digits}");
            assert_eq!(artifact_digest(&text).map(|digest| digest.to_string()), is_one.then_some(text));
        }
    }
}
