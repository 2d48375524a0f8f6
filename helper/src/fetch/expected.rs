use std::fs::File;

use ays_model::{Check, Checksum, Digest, SecretUrl, Signer};
use ays_protocol::{Expected, Failure};

use super::access::Access;
use super::signed::{Signature, signed_list};
use super::small::read_small;
use super::source::file_name;
use super::stream::find;
use crate::checksum_list::{listed, md5_beside};
use crate::lanes::Digests;

/// Compares what the bytes of `url` hash to with what they must hash to.
fn verify(expected: &Expected, url: &SecretUrl, digests: &Digests) -> Result<(), Failure> {
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

/// What a file must be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// What its bytes must hash to.
    pub(crate) expected: Option<Expected>,
    /// Its bytes must be signed.
    pub(crate) signature: Option<Signature>,
    /// Who has signed what says so; of the bytes themselves it is known when they are here.
    pub(crate) signer: Option<Signer>,
    /// Where it is, when the check says so itself.
    pub(crate) address: Option<SecretUrl>,
    /// What the source calls this state of it.
    pub(crate) version: Option<String>,
}

impl Wanted {
    /// Whether anything tells the right bytes from others.
    pub(crate) fn is_checked(&self) -> bool {
        self.expected.is_some() || self.signature.is_some()
    }

    /// Compares a whole file with it, and takes down who has signed it.
    pub(crate) async fn compare(
        &mut self,
        url: &SecretUrl,
        digests: &Digests,
        file: impl FnOnce() -> Result<File, Failure>,
    ) -> Result<(), Failure> {
        if let Some(expected) = &self.expected {
            verify(expected, url, digests)?;
        }
        if let Some(signature) = &self.signature {
            self.signer = Some(signature.signer_of(file()?).await?);
        }
        Ok(())
    }
}

/// Finds out what the file must be.
pub(crate) async fn wanted(source: &SecretUrl, check: &Check, access: Access<'_>) -> Result<Wanted, Failure> {
    let by_checksum = |checksum| Wanted { expected: Some(Expected::Checksum(checksum)), ..Wanted::default() };
    match check {
        Check::None => Ok(Wanted::default()),
        Check::Checksum(checksum) => Ok(by_checksum(*checksum)),
        Check::Stored(Digest::Sha256(sha256)) => Ok(by_checksum(Checksum::Sha256(*sha256))),
        Check::Stored(Digest::FsVerity(content)) => {
            Ok(Wanted { expected: Some(Expected::FsVerity(*content)), ..Wanted::default() })
        }
        Check::Signed { signed, checksum } => Ok(Wanted {
            signature: Some(Signature::read(source, signed, access).await?),
            expected: checksum.map(Expected::Checksum),
            ..Wanted::default()
        }),
        Check::Stream(stream) => {
            let found = find(source, stream, access).await?;
            Ok(Wanted {
                expected: Some(Expected::Checksum(found.checksum)),
                signature: None,
                signer: found.signer,
                address: Some(found.url),
                version: Some(found.version),
            })
        }
        Check::Md5Beside => {
            let name = file_name(source);
            let none = no_checksum(&name);
            let url = source.with_path_suffix(".md5sum").map_err(|error| none(source, error.to_string()))?;
            let text = read_list(&url, &name, access).await?;
            let checksum = md5_beside(&String::from_utf8_lossy(&text), &name);
            checksum.map(by_checksum).map_err(|reason| none(&url, reason.to_string()))
        }
        Check::Sums { list, file, signed } => {
            let name = file.clone().unwrap_or_else(|| file_name(source));
            let none = no_checksum(&name);
            let url = source.sibling(list).map_err(|error| none(source, error.to_string()))?;
            let (text, signer) = match signed {
                Some(signed) => signed_list(source, &url, signed, access)
                    .await
                    .map(|(text, signer)| (text, Some(signer)))?,
                None => (read_list(&url, &name, access).await?, None),
            };
            let checksum = listed(&String::from_utf8_lossy(&text), list, &name);
            let checksum = checksum.map_err(|reason| none(&url, reason.to_string()))?;
            Ok(Wanted { signer, ..by_checksum(checksum) })
        }
    }
}

async fn read_list(url: &SecretUrl, name: &str, access: Access<'_>) -> Result<Vec<u8>, Failure> {
    read_small(url, access).await.map_err(|failure| match failure {
        Failure::Refused { reason, .. } => no_checksum(name)(url, reason),
        other => other,
    })
}

fn no_checksum(name: &str) -> impl Fn(&SecretUrl, String) -> Failure {
    move |url, reason| Failure::NoChecksum { url: url.to_string(), name: name.to_owned(), reason }
}
