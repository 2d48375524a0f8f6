//! What a registry says of an artifact: it is asked at each fetch.

use ays_model::{
    Artifact, ArtifactAddress, Checksum, ChecksumKind, Reference, SecretUrl, Sha256, Sha512, artifact_digest,
};
use ays_protocol::Failure;
use sha2::Digest;

use super::access::Access;
use super::blob::Blob;
use super::opened::refused;
use super::registry::{Answer, Registry};
use crate::manifest::{Manifest, ManifestFault};

/// How many manifests may lead to each other.
const DEEPEST: usize = 3;

/// Where an artifact's disk is, and what it must be.
pub(crate) struct Found {
    pub(crate) blob: Blob,
    pub(crate) url: SecretUrl,
    pub(crate) digest: Checksum,
    /// What its file was called, or may be.
    pub(crate) file: String,
    /// The digest of the manifest that the address leads to.
    pub(crate) version: Checksum,
}

/// Reads the manifest at `source`, and what it leads to.
pub(crate) async fn find(
    source: &SecretUrl,
    artifact: &Artifact,
    access: Access<'_>,
) -> Result<Found, Failure> {
    let address = ArtifactAddress::of(source).map_err(|error| refused(source, error.to_string()))?;
    let mut registry = Registry::new(&address, artifact.tokens.as_ref(), access)?;
    let mut reference = address.reference().clone();
    let mut version = None;
    for _ in 0..DEEPEST {
        let url = address.manifest(&reference);
        let failed = |fault: ManifestFault| failed(&url, &fault);
        let answer = registry.manifest(&reference).await?;
        let digest = proven(&url, &reference, &answer)?;
        let version = *version.get_or_insert(digest);
        match Manifest::read(&answer.bytes).map_err(failed)? {
            Manifest::Index(index) => reference = Reference::Digest(index.pick(artifact).map_err(failed)?),
            Manifest::Image(image) => {
                let layer = image.pick(artifact.member.as_deref()).map_err(failed)?;
                let url = address.blob(&layer.digest);
                let http = registry.file(&url);
                let blob = Blob::new(registry, http, layer.digest, layer.size);
                let file = layer.title.unwrap_or_else(|| address.file_name());
                return Ok(Found { blob, url, digest: layer.digest, file, version });
            }
        }
    }
    Err(failed(&address.manifest(&reference), &ManifestFault::TooDeep))
}

/// The digest of a manifest: the one that was asked for, or that the registry says, and what came must have it.
fn proven(url: &SecretUrl, reference: &Reference, answer: &Answer) -> Result<Checksum, Failure> {
    let expected = match reference {
        Reference::Digest(digest) => Some(*digest),
        Reference::Tag(_) => answer.digest.as_deref().and_then(artifact_digest),
    };
    let kind = expected.map_or(ChecksumKind::Sha256, |expected| expected.kind());
    let actual = match kind {
        ChecksumKind::Sha512 => Checksum::Sha512(Sha512(sha2::Sha512::digest(&answer.bytes).into())),
        _ => Checksum::Sha256(Sha256(sha2::Sha256::digest(&answer.bytes).into())),
    };
    match expected {
        Some(expected) if expected != actual => Err(Failure::Checksum {
            url: url.to_string(),
            algorithm: format!("{} of the manifest", kind.title()),
            expected: expected.digits(),
            actual: actual.digits(),
        }),
        _ => Ok(actual),
    }
}

fn failed(url: &SecretUrl, fault: &ManifestFault) -> Failure {
    Failure::Artifact { url: url.to_string(), reason: fault.to_string() }
}
