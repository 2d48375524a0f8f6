use ays_model::{Check, Checksum, Digest, SecretUrl};
use ays_protocol::{Expected, Failure};

use super::access::Access;
use super::small::read_small;
use super::source::file_name;
use crate::checksum_list::{listed, md5_beside};
use crate::lanes::Digests;

/// Compares what the bytes of `url` hash to with what they must hash to.
pub(crate) fn verify(expected: &Expected, url: &SecretUrl, digests: &Digests) -> Result<(), Failure> {
    let actual = match expected {
        Expected::Checksum(Checksum::Md5(_)) => Some(Expected::Checksum(Checksum::Md5(digests.md5))),
        Expected::Checksum(Checksum::Sha256(_)) => Some(Expected::Checksum(Checksum::Sha256(digests.sha256))),
        Expected::Checksum(_) | Expected::FsVerity(_) => digests.wanted,
    };
    if actual.as_ref() == Some(expected) {
        return Ok(());
    }
    let algorithm = match expected {
        Expected::Checksum(checksum) => checksum.kind().title(),
        Expected::FsVerity(_) => "fs-verity digest",
    };
    let digits = |digest: &Expected| match digest {
        Expected::Checksum(checksum) => checksum.digits(),
        Expected::FsVerity(content) => content.to_string(),
    };
    Err(Failure::Checksum {
        url: url.to_string(),
        algorithm: algorithm.to_owned(),
        expected: digits(expected),
        actual: actual.as_ref().map_or_else(String::new, digits),
    })
}

/// Finds out what the file must be; none when it is not checked.
pub(crate) async fn expected(
    source: &SecretUrl,
    check: &Check,
    access: Access<'_>,
) -> Result<Option<Expected>, Failure> {
    let url = match check {
        Check::None => return Ok(None),
        Check::Checksum(checksum) => return Ok(Some(Expected::Checksum(*checksum))),
        Check::Stored(Digest::Sha256(sha256)) => {
            return Ok(Some(Expected::Checksum(Checksum::Sha256(*sha256))));
        }
        Check::Stored(Digest::FsVerity(content)) => return Ok(Some(Expected::FsVerity(*content))),
        Check::Md5Beside => source.with_path_suffix(".md5sum"),
        Check::Sums { list, .. } => source.sibling(list),
    };
    let name = match check {
        Check::Sums { file: Some(name), .. } => name.clone(),
        _ => file_name(source),
    };
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
    let checksum = match check {
        Check::Sums { list, .. } => listed(&text, list, &name),
        _ => md5_beside(&text, &name),
    };
    checksum
        .map(|checksum| Some(Expected::Checksum(checksum)))
        .map_err(|reason| none(&url, reason.to_string()))
}
