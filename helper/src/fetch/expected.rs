use std::fs::File;
use std::sync::Arc;

use ays_model::{Check, Checksum, SecretUrl, Signer, unpacked_name};
use ays_protocol::{Expected, Failure};

use super::access::Access;
use super::blob::Blob;
use super::signed::{Signature, signed_list};
use super::small::read_small;
use super::source::{Source, file_name};
use super::{artifact, stream};
use crate::checksum_list::{Unusable, listed, listed_inside, md5_beside};
use crate::disk::on_thread;
use crate::hashing::checksum_of;
use crate::lanes::Digests;
use crate::report::Report;
use crate::unpack::Disk;

/// Compares what the bytes of `url`, as it is shown, hash to with what they must hash to.
fn verify(expected: &Expected, url: &str, digests: &Digests) -> Result<(), Failure> {
    let actual = match expected {
        Expected::Checksum(Checksum::Md5(_)) => Some(Expected::Checksum(Checksum::Md5(digests.md5))),
        Expected::Checksum(Checksum::Sha256(_)) => Some(Expected::Checksum(Checksum::Sha256(digests.sha256))),
        Expected::Checksum(_) => digests.wanted,
        // It is verified when it is unpacked.
        Expected::Inside(_) => return Ok(()),
    };
    if actual.as_ref() == Some(expected) {
        return Ok(());
    }
    let of = |digest: &Expected| match digest {
        Expected::Checksum(checksum) | Expected::Inside(checksum) => *checksum,
    };
    Err(Failure::Checksum {
        url: url.to_string(),
        algorithm: of(expected).kind().title().to_owned(),
        expected: of(expected).digits(),
        actual: actual.as_ref().map_or_else(String::new, |actual| of(actual).digits()),
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
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// What its bytes must hash to.
    pub(crate) expected: Option<Expected>,
    /// What the disk that is packed in it must be, where its list says that too.
    pub(crate) inside: Option<Checksum>,
    /// Its bytes must be signed.
    pub(crate) signature: Option<Signature>,
    /// Who has signed what says so; of the bytes themselves it is known when they are here.
    pub(crate) signer: Option<Signer>,
    /// Where it is, when the check says so itself.
    pub(crate) address: Option<SecretUrl>,
    /// The same, where it is a layer in a registry.
    pub(crate) blob: Option<Box<Blob>>,
    /// What its file is called, when the check says so.
    pub(crate) file: Option<String>,
    /// What the source calls this state of it.
    pub(crate) version: Option<String>,
}

impl Wanted {
    /// Whether anything tells the right bytes from others.
    pub(crate) fn is_checked(&self) -> bool {
        self.expected.is_some() || self.signature.is_some()
    }

    /// What is to be read: what the check leads to, or what is at `address`.
    pub(crate) fn source(&mut self, address: &SecretUrl, access: Access<'_>) -> Result<Source, Failure> {
        match self.blob.take() {
            Some(blob) => Ok(Source::Blob(blob)),
            None => Source::new(self.address.as_ref().unwrap_or(address), access),
        }
    }

    /// Whether that can be told by the file alone, without unpacking it.
    pub(crate) fn is_of_file(&self) -> bool {
        let is_of_it = self.expected.is_some_and(|expected| !matches!(expected, Expected::Inside(_)));
        is_of_it || self.signature.is_some()
    }

    /// Compares a whole file with it, and takes down who has signed it.
    pub(crate) async fn compare(
        &mut self,
        url: &str,
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
        Check::Signed { signed, checksum } => Ok(Wanted {
            signature: Some(Signature::read(source, signed, access).await?),
            expected: checksum.map(Expected::Checksum),
            ..Wanted::default()
        }),
        Check::Stream(product) => {
            let found = stream::find(source, product, access).await?;
            Ok(Wanted {
                expected: Some(Expected::Checksum(found.checksum)),
                signer: found.signer,
                address: Some(found.url),
                version: Some(found.version),
                ..Wanted::default()
            })
        }
        Check::Artifact(artifact) => {
            let found = artifact::find(source, artifact, access).await?;
            Ok(Wanted {
                expected: Some(Expected::Checksum(found.digest)),
                address: Some(found.url),
                blob: Some(Box::new(found.blob)),
                file: Some(found.file),
                version: Some(found.version.to_string()),
                ..Wanted::default()
            })
        }
        Check::Md5Beside => {
            let name = file_name(source);
            let none = no_checksum(&name);
            let url = source.with_path_suffix(".md5sum").map_err(|error| none(source, error.to_string()))?;
            let text = read_list(&url, &name, access).await?;
            let text = String::from_utf8_lossy(&text);
            by_list(&text, &name, md5_beside(&text, &name)).map_err(|reason| none(&url, reason.to_string()))
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
            let text = String::from_utf8_lossy(&text);
            let wanted = by_list(&text, &name, listed(&text, list, &name));
            let wanted = wanted.map_err(|reason| none(&url, reason.to_string()))?;
            Ok(Wanted { signer, ..wanted })
        }
    }
}

/// What a list says of the file `name`, and of what is packed in it.
fn by_list(text: &str, name: &str, served: Result<Checksum, Unusable>) -> Result<Wanted, Unusable> {
    let inside = unpacked_name(name).and_then(|inside| listed_inside(text, inside));
    let expected = match (served, inside) {
        (Ok(checksum), _) => Expected::Checksum(checksum),
        (Err(_), Some(inside)) => Expected::Inside(inside),
        (Err(reason), None) => return Err(reason),
    };
    Ok(Wanted { expected: Some(expected), inside, ..Wanted::default() })
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
