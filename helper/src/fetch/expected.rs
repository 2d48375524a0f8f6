use ays_model::{Check, Checksum, Digest, SecretUrl, unpacked_name};
use ays_protocol::{Expected, Failure};

use std::sync::Arc;

use super::access::Access;
use super::small::read_small;
use super::source::file_name;
use crate::checksum_list::{listed, listed_inside, md5_beside};
use crate::disk::on_thread;
use crate::hashing::checksum_of;
use crate::lanes::Digests;
use crate::report::Report;
use crate::unpack::Disk;

/// Compares what the bytes of `url`, as it is shown, hash to with what they must hash to.
pub(crate) fn verify(expected: &Expected, url: &str, digests: &Digests) -> Result<(), Failure> {
    let actual = match expected {
        Expected::Checksum(Checksum::Md5(_)) => Some(Expected::Checksum(Checksum::Md5(digests.md5))),
        Expected::Checksum(Checksum::Sha256(_)) => Some(Expected::Checksum(Checksum::Sha256(digests.sha256))),
        Expected::Checksum(_) | Expected::FsVerity(_) => digests.wanted,
        // It is verified when it is unpacked.
        Expected::Inside(_) => return Ok(()),
    };
    if actual.as_ref() == Some(expected) {
        return Ok(());
    }
    let algorithm = match expected {
        Expected::Checksum(checksum) | Expected::Inside(checksum) => checksum.kind().title(),
        Expected::FsVerity(_) => "fs-verity digest",
    };
    let digits = |digest: &Expected| match digest {
        Expected::Checksum(checksum) | Expected::Inside(checksum) => checksum.digits(),
        Expected::FsVerity(content) => content.to_string(),
    };
    Err(Failure::Checksum {
        url: url.to_string(),
        algorithm: algorithm.to_owned(),
        expected: digits(expected),
        actual: actual.as_ref().map_or_else(String::new, digits),
    })
}

/// Compares what an unpacked disk hashes to with what it must hash to.
pub(crate) async fn verify_inside(
    disk: &Arc<Disk>,
    expected: Checksum,
    url: String,
    report: &Report,
) -> Result<(), Failure> {
    let (disk, report) = (Arc::clone(disk), report.clone());
    let actual = on_thread(move || checksum_of(&disk.file, expected.kind(), &report)).await;
    let actual = actual.map_err(|error| Failure::Disk {
        path: url.clone(),
        doing: "reading what was unpacked".to_owned(),
        reason: error.to_string(),
    })?;
    if actual == expected {
        return Ok(());
    }
    Err(Failure::Checksum {
        url,
        algorithm: format!("{} of the disk in it", expected.kind().title()),
        expected: expected.digits(),
        actual: actual.digits(),
    })
}

/// What a file must be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// None when it is not checked.
    pub(crate) expected: Option<Expected>,
    /// What the disk that is packed in it must be, where its list says that too.
    pub(crate) inside: Option<Checksum>,
}

impl From<Expected> for Wanted {
    fn from(expected: Expected) -> Self {
        Self { expected: Some(expected), inside: None }
    }
}

/// Finds out what the file must be.
pub(crate) async fn wanted(source: &SecretUrl, check: &Check, access: Access<'_>) -> Result<Wanted, Failure> {
    let url = match check {
        Check::None => return Ok(Wanted::default()),
        Check::Checksum(checksum) => return Ok(Expected::Checksum(*checksum).into()),
        Check::Stored(Digest::Sha256(sha256)) => {
            return Ok(Expected::Checksum(Checksum::Sha256(*sha256)).into());
        }
        Check::Stored(Digest::FsVerity(content)) => return Ok(Expected::FsVerity(*content).into()),
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
    let inside = unpacked_name(&name).and_then(|inside| listed_inside(&text, inside));
    let expected = match (checksum, inside) {
        (Ok(checksum), _) => Expected::Checksum(checksum),
        (Err(_), Some(inside)) => Expected::Inside(inside),
        (Err(reason), None) => return Err(none(&url, reason.to_string())),
    };
    Ok(Wanted { expected: Some(expected), inside })
}
