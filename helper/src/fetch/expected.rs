use ays_model::{Check, Digest, SecretUrl};
use ays_protocol::{Expected, Failure};

use super::access::Access;
use super::small::read_small;
use super::source::file_name;
use crate::checksum_list::{Algorithm, beside, listed};
use crate::lanes::Digests;

/// Compares what the bytes of `url` hash to with what they must hash to.
pub(crate) fn verify(expected: &Expected, url: &SecretUrl, digests: &Digests) -> Result<(), Failure> {
    let (algorithm, expected, actual) = match expected {
        Expected::Md5(expected) => {
            (Algorithm::Md5.to_string(), expected.to_string(), digests.md5.to_string())
        }
        Expected::Sha256(expected) => {
            (Algorithm::Sha256.to_string(), expected.to_string(), digests.sha256.to_string())
        }
        Expected::FsVerity(expected) => {
            let actual = digests.fs_verity.map_or_else(String::new, |actual| actual.to_string());
            ("fs-verity digest".to_owned(), expected.to_string(), actual)
        }
    };
    if actual == expected {
        return Ok(());
    }
    Err(Failure::Checksum { url: url.to_string(), algorithm, expected, actual })
}

/// Finds out what the file must be; none when it is not checked.
pub(crate) async fn expected(
    source: &SecretUrl,
    check: &Check,
    access: Access<'_>,
) -> Result<Option<Expected>, Failure> {
    let (url, algorithm) = match check {
        Check::None => return Ok(None),
        Check::Sha256(sha256) => return Ok(Some(Expected::Sha256(*sha256))),
        Check::Stored(Digest::FsVerity(content)) => return Ok(Some(Expected::FsVerity(*content))),
        Check::Stored(Digest::Sha256(sha256)) => return Ok(Some(Expected::Sha256(*sha256))),
        Check::Md5Beside => (source.with_path_suffix(".md5sum"), Algorithm::Md5),
        Check::Sums(list) => (source.sibling(list), Algorithm::Sha256),
    };
    let name = file_name(source);
    let none = |url: &SecretUrl, reason: String| Failure::NoChecksum {
        url: url.to_string(),
        name: name.clone(),
        reason,
    };
    let url = url.map_err(|error| none(source, error.to_string()))?;
    let text = match read_small(&url, access).await {
        Ok(text) => text,
        Err(Failure::Refused { reason, .. }) => return Err(none(&url, reason)),
        Err(other) => return Err(other),
    };
    let text = String::from_utf8_lossy(&text);
    let digits = match algorithm {
        Algorithm::Md5 => beside(&text, algorithm, &name).map(|digits| digits.parse().map(Expected::Md5)),
        Algorithm::Sha256 => {
            listed(&text, algorithm, &name).map(|digits| digits.parse().map(Expected::Sha256))
        }
    };
    match digits {
        Ok(Ok(expected)) => Ok(Some(expected)),
        Ok(Err(error)) => Err(none(&url, error.to_string())),
        Err(reason) => Err(none(&url, reason.to_string())),
    }
}
