//! What a maintainer wants to know of a source before there is a recipe for it.

use std::path::Path;
use std::time::Duration;

use ays_model::{Check, SecretUrl, unpacked_name};
use ays_protocol::{Expected, Failure, Look, LookAt, Looked, SourceDisk, SourceState};
use ays_recipes::Settings;
use ays_transport::HelperError;

use crate::sources::look;

/// How long each question may take.
const LIMIT: Duration = Duration::from_secs(20);

/// How deep the newest directory is looked for.
const DEEPEST: usize = 3;

/// How lists of checksums are named that lie beside images, where a directory does not tell.
const LISTS: [&str; 7] =
    ["SHA512SUMS", "SHA256SUMS", "SHA256SUM", "CHECKSUM", "sha256sums.txt", "sha256sum.txt", "MD5SUMS"];

/// How lists of checksums are named that are for one image: its name with this behind it.
const BESIDE: [&str; 6] = [".sha512", ".sha256", ".SHA256", ".sha256sum", ".CHECKSUM", ".md5"];

/// The most lists that are read.
const MOST_LISTS: usize = 32;

/// What the endings of signatures are: they are beside lists, and are none.
const SIGNATURES: [&str; 6] = [".asc", ".gpg", ".sig", ".sign", ".minisig", ".pem"];

/// How disk images' files are named.
const IMAGES: [&str; 8] = [".img", ".qcow2", ".raw", ".vmdk", ".vhd", ".vhdx", ".vdi", ".image"];

/// Why a source cannot be a recipe's.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The helper on this machine.
    #[error("this machine's helper could not ask the source")]
    Helper(#[from] HelperError),
    /// It does not answer, or has no disk image.
    #[error(transparent)]
    Source(#[from] Failure),
    /// A directory without one.
    #[error("{0}: no disk image is in this directory, nor in the newest one in it")]
    Nothing(SecretUrl),
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Survey {
    /// A disk image.
    Image(Box<SurveyedImage>),
    /// A directory with several; those for this kind of machine (x86-64) first.
    Several(Vec<SecretUrl>),
}

/// A disk image at a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedImage {
    /// Where: the address that was asked for, or what its directory led to.
    pub url: SecretUrl,
    /// What the source says of it.
    pub state: SourceState,
    /// What its first bytes say.
    pub disk: SourceDisk,
    /// How its bytes can be verified, the best way first.
    pub checks: Vec<Check>,
    /// The names in its directory, where that tells them.
    pub listed: Vec<String>,
}

/// Looks at what is there. In a directory the newest directory (`current`, `latest`, else the highest number) is looked
/// at in its place, until there are images.
pub async fn survey(url: &SecretUrl, settings: &Settings, temporary: &Path) -> Result<Survey, SurveyError> {
    let mut url = url.clone();
    if !is_directory(&url) {
        match image(&url, settings, temporary).await {
            Err(SurveyError::Source(failure)) => match as_directory(&url) {
                // Servers send the page of a directory, or to it, for its name without the slash.
                Some(directory) if list(&directory, settings, temporary).await.is_ok() => url = directory,
                _ => return Err(failure.into()),
            },
            other => return other.map(|image| Survey::Image(Box::new(image))),
        }
    }
    for _ in 0..=DEEPEST {
        let names = list(&url, settings, temporary).await?;
        let mut images: Vec<_> = names.iter().filter(|name| is_image(name)).collect();
        images.sort_by_key(|name| (is_of_another_machine(name), *name));
        let beside = |name: &&String| url.sibling(name).ok();
        let images: Vec<SecretUrl> = images.iter().filter_map(beside).collect();
        match &images[..] {
            [] => match newest(&names).and_then(|name| url.sibling(name).ok()) {
                Some(newest) => url = newest,
                None => break,
            },
            [only] => {
                return image(only, settings, temporary).await.map(|image| Survey::Image(Box::new(image)));
            }
            _ => return Ok(Survey::Several(images)),
        }
    }
    Err(SurveyError::Nothing(url))
}

/// Looks at what a check leads to: the newest version of a product in the streams at an address, or an artifact's disk.
pub async fn survey_led(
    url: &SecretUrl,
    check: Check,
    settings: &Settings,
    temporary: &Path,
) -> Result<SurveyedImage, SurveyError> {
    let state = match ask(url, vec![LookAt::State(check.clone())], settings, temporary).await?.pop() {
        Some(Ok(Looked::State(state))) => state,
        Some(Err(failure)) => return Err(failure.into()),
        _ => return Err(HelperError::Answer.into()),
    };
    let disk = match ask(url, vec![LookAt::Disk(check.clone())], settings, temporary).await?.pop() {
        Some(Ok(Looked::Disk(disk))) => disk,
        Some(Err(failure)) => return Err(failure.into()),
        _ => return Err(HelperError::Answer.into()),
    };
    Ok(SurveyedImage { url: url.clone(), state, disk, checks: vec![check], listed: Vec::new() })
}

async fn image(url: &SecretUrl, settings: &Settings, temporary: &Path) -> Result<SurveyedImage, SurveyError> {
    // A source that does not list its directory has the usual names, or none.
    let directory = url.sibling("").ok();
    let listed = match &directory {
        Some(directory) => list(directory, settings, temporary).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let lists = lists(&file_name(url), &listed).into_iter().map(|list| Check::Sums {
        list,
        file: None,
        signed: None,
    });
    let checks: Vec<Check> = lists.chain([Check::Md5Beside]).collect();
    let mut looks = vec![LookAt::State(Check::None), LookAt::Disk(Check::None)];
    looks.extend(checks.iter().cloned().map(LookAt::State));
    let mut answers = ask(url, looks, settings, temporary).await?.into_iter();
    let state = match answers.next() {
        Some(Ok(Looked::State(state))) => state,
        Some(Err(failure)) => return Err(failure.into()),
        _ => return Err(HelperError::Answer.into()),
    };
    let disk = match answers.next() {
        Some(Ok(Looked::Disk(disk))) => disk,
        Some(Err(failure)) => return Err(failure.into()),
        _ => return Err(HelperError::Answer.into()),
    };
    let found = checks.into_iter().zip(answers).filter_map(|(check, answer)| match answer {
        Ok(Looked::State(SourceState { expected: Some(Expected::Checksum(checksum)), .. })) => {
            Some(((true, checksum.kind()), check))
        }
        // One of the file as it is served is better: it is proven before anything is unpacked.
        Ok(Looked::State(SourceState { expected: Some(Expected::Inside(checksum)), .. })) => {
            Some(((false, checksum.kind()), check))
        }
        _ => None,
    });
    let mut found: Vec<_> = found.collect();
    // Those of one kind stay in their order.
    found.sort_by_key(|(kind, _)| std::cmp::Reverse(*kind));
    let checks = found.into_iter().map(|(_, check)| check).collect();
    Ok(SurveyedImage { url: url.clone(), state, disk, checks, listed })
}

/// The names of what may be lists with a checksum of the image, among what its directory holds and what is usual.
fn lists(image: &str, listed: &[String]) -> Vec<String> {
    let of_another = |name: &str| {
        let mut others = listed.iter().filter(|other| *other != image && !other.ends_with('/'));
        others.any(|other| {
            other != name && name.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let in_directory = listed.iter().filter(|name| is_list(name, image) && !of_another(name)).cloned();
    let usual = LISTS.map(str::to_owned).into_iter();
    let beside = BESIDE.map(|suffix| format!("{image}{suffix}"));
    let mut lists: Vec<String> = Vec::new();
    for name in in_directory.chain(usual).chain(beside).take(MOST_LISTS) {
        if !lists.contains(&name) {
            lists.push(name);
        }
    }
    lists
}

/// Whether a file of that name holds checksums of several files, or of this image.
fn is_list(name: &str, image: &str) -> bool {
    const KINDS: [&str; 5] = ["md5", "sha1", "sha256", "sha384", "sha512"];
    let lower = name.to_ascii_lowercase();
    // That one has a check of its own.
    let is_md5_beside = name.strip_prefix(image) == Some(".md5sum");
    if is_md5_beside || name.ends_with('/') || SIGNATURES.iter().any(|ending| lower.ends_with(ending)) {
        return false;
    }
    let plain: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.strip_suffix("txt").unwrap_or(&plain);
    let is_of_many = plain.contains("checksum")
        || KINDS.iter().any(|kind| plain == *kind || plain.contains(&format!("{kind}sum")));
    let suffix = name.strip_prefix(image).map(str::to_ascii_lowercase);
    is_of_many || suffix.is_some_and(|suffix| KINDS.iter().any(|kind| suffix == format!(".{kind}")))
}

async fn list(url: &SecretUrl, settings: &Settings, temporary: &Path) -> Result<Vec<String>, SurveyError> {
    match ask(url, vec![LookAt::Listing], settings, temporary).await?.pop() {
        Some(Ok(Looked::Listing(names))) => Ok(names),
        Some(Err(failure)) => Err(failure.into()),
        _ => Err(HelperError::Answer.into()),
    }
}

async fn ask(
    url: &SecretUrl,
    looks: Vec<LookAt>,
    settings: &Settings,
    temporary: &Path,
) -> Result<Vec<Result<Looked, Failure>>, HelperError> {
    let network = settings.network(url);
    let looks =
        looks.into_iter().map(|at| Look { url: url.clone(), network: network.clone(), at, within: LIMIT });
    look(looks.collect(), temporary).await
}

fn is_directory(url: &SecretUrl) -> bool {
    url.to_string().ends_with('/')
}

fn as_directory(url: &SecretUrl) -> Option<SecretUrl> {
    url.with_path_suffix("/").ok()
}

/// The last part of its path, as it stands in the address.
pub(crate) fn file_name(url: &SecretUrl) -> String {
    let shown = url.to_string();
    let path = shown.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn is_image(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let inside = unpacked_name(&name).unwrap_or(&name);
    name.ends_with(".ova") || IMAGES.iter().any(|ending| inside.ends_with(ending))
}

fn is_of_another_machine(name: &str) -> bool {
    const OTHERS: [&str; 9] =
        ["arm64", "aarch64", "armhf", "armv7", "ppc64", "s390x", "riscv64", "i386", "i686"];
    OTHERS.iter().any(|other| name.contains(other))
}

/// The directory that stands for the newest one, else the one with the highest number.
fn newest(names: &[String]) -> Option<&String> {
    let directories = names.iter().filter(|name| name.ends_with('/'));
    let linked = ["current/", "latest/"].iter().find_map(|link| names.iter().find(|name| name == link));
    let numbered = directories.filter(|name| name.contains(|c: char| c.is_ascii_digit()));
    linked.or_else(|| numbered.max_by(|a, b| alphanumeric_sort::compare_str(a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known_by_their_names() {
        for (image, name) in [
            ("Fedora-41.qcow2", "Fedora-Cloud-41-1.4-x86_64-CHECKSUM"),
            ("Rocky-9.qcow2", "Rocky-9.qcow2.CHECKSUM"),
            ("Arch.qcow2", "Arch.qcow2.SHA256"),
            ("CentOS.qcow2", "CentOS.qcow2.SHA256SUM"),
            ("FreeBSD.qcow2", "CHECKSUM.SHA256"),
            ("cirros.img", "MD5SUMS"),
            ("a.qcow2", "a.qcow2.sha256"),
            ("a.qcow2", "sha512sum.txt"),
            ("a.qcow2", "a.qcow2.md5"),
            ("a.qcow2", "SHA512"),
            ("a.qcow2", "sha256sums-2026"),
        ] {
            assert!(is_list(name, image), "{name}");
            assert!(lists(image, &[image.to_owned(), name.to_owned()]).contains(&name.to_owned()), "{name}");
        }
        for name in [
            "a.qcow2",
            "a.qcow2.asc",
            "SHA256SUMS.gpg",
            "sha256sums/",
            "b.img.sha1",
            "a.qcow2.md5sum",
            "x.sums",
        ] {
            assert!(!is_list(name, "a.qcow2"), "{name}");
        }
        let listed = ["a.img", "b.img", "b.img.SHA256SUM"].map(str::to_owned);
        assert!(!lists("a.img", &listed).contains(&listed[2]));
    }

    #[test]
    fn the_newest_directory() {
        for (names, expected) in [
            (&["20151001/", "20151105/", "SHA256SUMS"][..], Some("20151105/")),
            (&["9.1/", "10.0/", "old/"], Some("10.0/")),
            (&["20151001/", "current/"], Some("current/")),
            (&["latest/", "20991231/"], Some("latest/")),
            (&["20991231", "old/"], None),
            (&[], None),
        ] {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(newest(&names).map(String::as_str), expected, "{names:?}");
        }
    }
}
