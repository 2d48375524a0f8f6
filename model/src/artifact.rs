//! A disk image in a registry of OCI artifacts, as `oras` and `skopeo` put it there, or in an image of containers.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::artifact_digest::artifact_digest;
use crate::{Checksum, Scheme, SecretUrl, is_archive_name};

/// The longest name of a repository.
const LONGEST_REPOSITORY: usize = 255;

/// The longest tag.
const LONGEST_TAG: usize = 128;

/// What picks the disk in an artifact, beside its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// For which processor, of an index: as registries write it (`amd64`).
    pub arch: String,
    /// Which entry of an index, where several are for that processor (`item:'..'`).
    pub item: Option<String>,
    /// Which layer, by its title or digest; or a file in the archive that the only layer is (`member:'..'`).
    pub member: Option<String>,
    /// The server of tokens that may have the login, beside the registry itself (`tokens:'..'`).
    pub tokens: Option<SecretUrl>,
}

/// Where an artifact is: `oci://host/repository:tag`, or `@sha256:..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactAddress {
    /// The registry's root, by http or https, with the login.
    registry: SecretUrl,
    repository: String,
    reference: Reference,
}

/// Which artifact of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The one that a name leads to now.
    Tag(String),
    /// This one.
    Digest(Checksum),
}

/// Why an address names no artifact. Its text is left out: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// Of another scheme.
    #[error("an artifact's address begins with oci: or oci+http:")]
    Scheme,
    /// Only a host.
    #[error(
        "the address names no repository: write oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:.."
    )]
    NoRepository,
    /// A repository that cannot be.
    #[error(
        "a repository's name has small letters and digits, with `.`, `_`, `-` between them and `/` between its parts"
    )]
    Repository,
    /// A tag that cannot be.
    #[error(
        "a tag has letters, digits, `_`, `.` and `-`, at most 128 of them, and begins with none of the last two"
    )]
    Tag,
    /// What follows the `@`.
    #[error(
        "what follows the `@` is no digest: that is sha256: with 64 small hexadecimal digits, or sha512: with 128"
    )]
    Digest,
    /// What only other addresses have.
    #[error("an artifact's address has no query and no fragment")]
    Query,
}

impl Artifact {
    /// The processor that is meant where a recipe does not say.
    pub const ARCH: &str = "amd64";

    /// Whether `member` may name a file in the archive that a layer is: a digest, or the name of an archive, is a layer's.
    pub fn may_be_in_layer(member: &str) -> bool {
        artifact_digest(member).is_none() && !is_archive_name(member)
    }

    /// The one name of a processor's kind, whose names differ from one maker of images to the next.
    pub fn arch_of(name: &str) -> &str {
        match name {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
    }
}

impl Default for Artifact {
    fn default() -> Self {
        Self { arch: Self::ARCH.to_owned(), item: None, member: None, tokens: None }
    }
}

impl ArtifactAddress {
    /// Reads an address of the scheme `oci` or `oci+http`. Without a tag and a digest it is the tag `latest`.
    ///
    /// # Errors
    ///
    /// See [`ArtifactError`].
    pub fn of(address: &SecretUrl) -> Result<Self, ArtifactError> {
        let scheme = match address.scheme() {
            Scheme::Oci => "https",
            Scheme::OciHttp => "http",
            _ => return Err(ArtifactError::Scheme),
        };
        let url = address.expose();
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ArtifactError::Query);
        }
        let path = url.path().strip_prefix('/').unwrap_or_default();
        let (name, digest) = match path.split_once('@') {
            Some((name, digest)) => (name, Some(artifact_digest(digest).ok_or(ArtifactError::Digest)?)),
            None => (path, None),
        };
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) if is_tag(tag) => (repository, Some(tag)),
            Some(_) => return Err(ArtifactError::Tag),
            None => (name, None),
        };
        if repository.is_empty() {
            return Err(ArtifactError::NoRepository);
        }
        let is_repository = repository.len() <= LONGEST_REPOSITORY && repository.split('/').all(is_component);
        if !is_repository {
            return Err(ArtifactError::Repository);
        }
        // A digest says more than a tag beside it.
        let reference = digest.map(Reference::Digest);
        let reference = reference.unwrap_or_else(|| Reference::Tag(tag.unwrap_or("latest").to_owned()));
        let registry = root(url, scheme).ok_or(ArtifactError::Scheme)?;
        Ok(Self { registry, repository: repository.to_owned(), reference })
    }

    /// The registry's root, with the login: `https://user:password@host/`.
    pub fn registry(&self) -> &SecretUrl {
        &self.registry
    }

    /// The repository's name.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which artifact of it.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Where the manifest of a reference is, without the login.
    pub fn manifest(&self, reference: &Reference) -> SecretUrl {
        self.place(&format!("manifests/{reference}"))
    }

    /// Where the bytes of this digest are, without the login.
    pub fn blob(&self, digest: &Checksum) -> SecretUrl {
        self.place(&format!("blobs/{digest}"))
    }

    /// A name for a file of it: `fedora-40`, or `fedora` where a digest names it.
    pub fn file_name(&self) -> String {
        let name = self.repository.rsplit('/').next().unwrap_or_default();
        match &self.reference {
            Reference::Tag(tag) => format!("{name}-{tag}"),
            Reference::Digest(_) => name.to_owned(),
        }
    }

    fn place(&self, rest: &str) -> SecretUrl {
        let mut url = self.registry.expose().clone();
        // An address with a host takes both.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_path(&format!("/v2/{}/{rest}", self.repository));
        SecretUrl::new(url).unwrap_or_else(|_| self.registry.clone())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// The root of the server at an address, by http or https: host, port and login stay.
fn root(url: &Url, scheme: &str) -> Option<SecretUrl> {
    let mut root = Url::parse(&format!("{scheme}://{}/", url.host_str()?)).ok()?;
    root.set_port(url.port()).ok()?;
    root.set_username(url.username()).ok()?;
    root.set_password(url.password()).ok()?;
    SecretUrl::new(root).ok()
}

/// `a1`, `a.b`, `a__b`, `a--b`: letters and digits, with one separator between them.
fn is_component(component: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = component.split(is_plain).filter(|separator| !separator.is_empty());
    let mut separators = separators
        .map(|separator| matches!(separator, "." | "_" | "__") || separator.chars().all(|c| c == '-'));
    component.starts_with(is_plain) && component.ends_with(is_plain) && separators.all(|is_one| is_one)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= LONGEST_TAG
        && tag.starts_with(is_word)
        && tag.chars().all(|c| is_word(c) || matches!(c, '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn read(text: &str) -> Result<(String, String, String), ArtifactError> {
        let address = ArtifactAddress::of(&SecretUrl::parse(text).unwrap())?;
        let manifest = address.manifest(address.reference());
        let registry = address.registry().expose().to_string();
        Ok((registry, manifest.expose().to_string(), address.file_name()))
    }

    #[test]
    fn where_an_artifact_is() {
        for (text, registry, path, file) in [
            (
                "oci://quay.io/containerdisks/fedora:40",
                "https://quay.io/",
                "fedora/manifests/40",
                "fedora-40",
            ),
            ("oci://Quay.io:443/a", "https://quay.io/", "a/manifests/latest", "a-latest"),
            (
                "oci://u:p%40@h:5000/a/b__c--d.e:V1_.-",
                "https://u:p%40@h:5000/",
                "d.e/manifests/V1_.-",
                "b__c--d.e-V1_.-",
            ),
            ("oci+http://127.0.0.1:5000/a:1", "http://127.0.0.1:5000/", "a/manifests/1", "a-1"),
            ("oci+http://[::1]/a", "http://[::1]/", "a/manifests/latest", "a-latest"),
        ] {
            let (found, manifest, name) = read(text).unwrap();
            assert_eq!((found.as_str(), name.as_str()), (registry, file), "{text}");
            assert!(manifest.ends_with(path) && !manifest.contains('@'), "{manifest}");
        }
        for text in [format!("oci://h/a:1@{DIGEST}"), format!("oci://u:p@h/a@{DIGEST}")] {
            let (_, manifest, name) = read(&text).unwrap();
            assert_eq!((manifest, name.as_str()), (format!("https://h/v2/a/manifests/{DIGEST}"), "a"));
        }
    }

    #[test]
    fn what_names_no_artifact() {
        let long = format!("oci://h/a:{}", "x".repeat(129));
        let deep = format!("oci://h/{}a", "a/".repeat(128));
        for (text, error) in [
            ("https://h/a:1", ArtifactError::Scheme),
            ("oci://h", ArtifactError::NoRepository),
            ("oci://h/", ArtifactError::NoRepository),
            ("oci://h/:1", ArtifactError::NoRepository),
            ("oci://h/A", ArtifactError::Repository),
            ("oci://h/a/", ArtifactError::Repository),
            ("oci://h//a", ArtifactError::Repository),
            ("oci://h/a..b", ArtifactError::Repository),
            ("oci://h/a___b", ArtifactError::Repository),
            ("oci://h/-a", ArtifactError::Repository),
            ("oci://h/a%2Fb", ArtifactError::Repository),
            ("oci://h/%2e%2e/x/..%2f", ArtifactError::Repository),
            ("oci://h/a b", ArtifactError::Repository),
            (&deep, ArtifactError::Repository),
            ("oci://h/a:", ArtifactError::Tag),
            ("oci://h/a:-1", ArtifactError::Tag),
            ("oci://h/a:1:2", ArtifactError::Tag),
            ("oci://h/a:1/b", ArtifactError::Tag),
            (&long, ArtifactError::Tag),
            ("oci://h/a:1?x=y", ArtifactError::Query),
            ("oci://h/a:1#x", ArtifactError::Query),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_a_member_may_name() {
        for name in [DIGEST, "x.tar.gz", "x.ova"] {
            assert!(!Artifact::may_be_in_layer(name), "{name}");
        }
        for name in ["x.qcow2", "disk/x.img", "x.qcow2.xz"] {
            assert!(Artifact::may_be_in_layer(name), "{name}");
        }
        assert_eq!(Artifact::arch_of("x86_64"), Artifact::ARCH);
    }
}
