//! What a maintainer wants to know of a source before there is a recipe for it.

use std::path::Path;
use std::time::Duration;

use ays_model::{Check, SecretUrl};
use ays_protocol::{Failure, Look, LookAt, Looked, SourceDisk, SourceState};
use ays_recipes::Settings;
use ays_transport::HelperError;

use crate::sources::look;

/// How long each question may take.
const LIMIT: Duration = Duration::from_secs(20);

/// How deep the newest directory is looked for.
const DEEPEST: usize = 3;

/// How the lists of SHA-256s are named that lie beside images.
const LISTS: [&str; 5] = ["SHA256SUMS", "SHA256SUM", "CHECKSUM", "sha256sums.txt", "sha256sum.txt"];

/// What lists of SHA-256s are named that lie beside one image: its name with this behind it.
const BESIDE: [&str; 2] = [".sha256", ".sha256sum"];

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

async fn image(url: &SecretUrl, settings: &Settings, temporary: &Path) -> Result<SurveyedImage, SurveyError> {
    let name = file_name(url);
    let lists = LISTS.map(str::to_owned).into_iter().chain(BESIDE.map(|suffix| format!("{name}{suffix}")));
    let checks: Vec<Check> = lists.map(Check::Sums).chain([Check::Md5Beside]).collect();
    let mut looks = vec![LookAt::State(Check::None), LookAt::Disk];
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
    let is_there = |answer| matches!(answer, Ok(Looked::State(SourceState { expected: Some(_), .. })));
    let checks =
        checks.into_iter().zip(answers).filter_map(|(check, answer)| is_there(answer).then_some(check));
    Ok(SurveyedImage { url: url.clone(), state, disk, checks: checks.collect() })
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
fn file_name(url: &SecretUrl) -> String {
    let shown = url.to_string();
    let path = shown.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn is_image(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    IMAGES.iter().any(|ending| name.ends_with(ending))
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
