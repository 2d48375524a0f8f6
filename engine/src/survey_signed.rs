//! The signatures beside a source, and the keys there, before there is a recipe for it.

use std::path::Path;
use std::time::Duration;

use ays_model::{Check, KeyFile, SecretUrl, SignatureFault, Signed, Signer, Stream};
use ays_protocol::{Failure, Look, LookAt, Looked, SourceState};
use ays_recipes::Settings;
use ays_transport::HelperError;

use crate::sources::look;
use crate::survey::file_name;

/// How long each question may take.
const LIMIT: Duration = Duration::from_secs(20);

/// How files of signatures end.
const SIGNATURES: [&str; 5] = [".gpg", ".asc", ".sig", ".sign", ".minisig"];

/// How files of keys end.
const KEYS: [&str; 3] = [".asc", ".gpg", ".pub"];

/// The most lists whose signatures are looked for: the strongest come first.
const MOST_LISTS: usize = 3;

/// The most files that are taken for keys.
const MOST_KEYS: usize = 8;

/// A signature beside a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedSignature {
    /// Its file.
    pub file: String,
    /// The list that it signs; none: it signs the image.
    pub list: Option<String>,
    /// Who has signed, and which of the files of keys says so, by its number; or why the first of them proves nothing.
    pub signer: Result<(Signer, usize), SignatureFault>,
}

/// The best signature of an image, or of one of the lists that have a checksum for it. `keys` are sets of keys; each is
/// tried by itself.
pub async fn survey_signatures(
    url: &SecretUrl,
    lists: &[Check],
    listed: &[String],
    keys: &[Vec<KeyFile>],
    settings: &Settings,
    temporary: &Path,
) -> Result<Option<SurveyedSignature>, HelperError> {
    let candidates = candidates(url, lists, listed);
    let looks = candidates.iter().flat_map(|(list, file)| {
        keys.iter().map(move |keys| {
            let signed = Signed { file: file.clone(), keys: keys.clone() };
            let check = match (list, lists) {
                (_, [Check::Stream(stream), ..]) => {
                    Check::Stream(Stream { signed: Some(signed.keys), ..stream.clone() })
                }
                (Some(list), _) => Check::Sums { list: list.clone(), file: None, signed: Some(signed) },
                (None, _) => Check::Signed { signed, checksum: None },
            };
            question(url, settings, LookAt::State(check))
        })
    });
    let answers = look(looks.collect(), temporary).await?;
    let mut proves_nothing = None;
    for ((list, file), answers) in candidates.into_iter().zip(answers.chunks(keys.len().max(1))) {
        let mut first = None;
        for (number, answer) in answers.iter().enumerate() {
            let signer = match answer {
                Ok(Looked::State(SourceState { signed_by: Some(signer), .. })) => {
                    Ok((signer.clone(), number))
                }
                Err(Failure::Signature { fault, .. }) => Err(SignatureFault::clone(fault)),
                _ => continue,
            };
            let found = SurveyedSignature { file: file.clone(), list: list.clone(), signer };
            match &found.signer {
                Ok(_) => return Ok(Some(found)),
                // There is none, or it is something else that is called so.
                Err(SignatureFault::Missing { .. } | SignatureFault::Unreadable { .. }) => {}
                Err(_) => first = first.or(Some(found)),
            }
        }
        proves_nothing = proves_nothing.or(first);
    }
    Ok(proves_nothing)
}

/// The keys that lie beside a source, each with its file's address for a name.
pub async fn survey_keys(
    url: &SecretUrl,
    listed: &[String],
    settings: &Settings,
    temporary: &Path,
) -> Result<Vec<KeyFile>, HelperError> {
    let is_signature = |name: &str| {
        let signed = SIGNATURES.iter().find_map(|ending| name.strip_suffix(ending));
        signed.is_some_and(|signed| listed.iter().any(|other| other == signed))
    };
    let is_key = |name: &&String| {
        let ends = KEYS.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
        name.as_str() == "KEYS" || (ends && !is_signature(name))
    };
    let addresses = listed.iter().filter(is_key).take(MOST_KEYS).filter_map(|name| url.sibling(name).ok());
    let looks = addresses.map(|url| question(&url, settings, LookAt::Keys)).collect();
    let answers = look(looks, temporary).await?.into_iter();
    // What is called as keys are may be anything.
    Ok(answers
        .filter_map(|answer| if let Ok(Looked::Keys(key)) = answer { Some(key) } else { None })
        .collect())
}

/// The keys at an address.
pub async fn look_at_key(
    url: &SecretUrl,
    settings: &Settings,
    temporary: &Path,
) -> Result<Result<KeyFile, Failure>, HelperError> {
    let looks = vec![question(url, settings, LookAt::Keys)];
    match look(looks, temporary).await?.pop() {
        Some(Ok(Looked::Keys(key))) => Ok(Ok(key)),
        Some(Err(failure)) => Ok(Err(failure)),
        _ => Err(HelperError::Answer),
    }
}

fn question(url: &SecretUrl, settings: &Settings, at: LookAt) -> Look {
    Look { url: url.clone(), network: settings.network(url), at, within: LIMIT }
}

/// Which lists may be signed, by which file. Where a directory tells what is in it, only what is there.
fn candidates(url: &SecretUrl, lists: &[Check], listed: &[String]) -> Vec<(Option<String>, String)> {
    match lists {
        [Check::Stream(_), ..] => return vec![(None, "index.sjson".to_owned())],
        // There is nothing beside it.
        [Check::Artifact(_), ..] => return Vec::new(),
        _ => {}
    }
    let is_there = |name: &String| listed.is_empty() || listed.contains(name);
    let beside = |name: &str| SIGNATURES.map(|ending| format!("{name}{ending}")).into_iter().filter(is_there);
    let lists = lists.iter().filter_map(|check| match check {
        Check::Sums { list, .. } => Some(list),
        _ => None,
    });
    let mut found = Vec::new();
    for list in lists.take(MOST_LISTS) {
        found.extend(beside(list).map(|file| (Some(list.clone()), file)));
        // It may be signed in itself.
        found.push((Some(list.clone()), list.clone()));
    }
    found.extend(beside(&file_name(url)).map(|file| (None, file)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_signed() {
        let url = SecretUrl::parse("https://h/a/x.img").unwrap_or_else(|_| unreachable!());
        let sums = |list: &str| Check::Sums { list: list.to_owned(), file: None, signed: None };
        let listed = ["x.img", "x.img.sig", "SUMS", "SUMS.gpg", "SUMS.asc"].map(str::to_owned);
        let found = candidates(&url, &[sums("SUMS"), Check::Md5Beside], &listed);
        let of_list = |file: &str| (Some("SUMS".to_owned()), file.to_owned());
        assert_eq!(
            found,
            [of_list("SUMS.gpg"), of_list("SUMS.asc"), of_list("SUMS"), (None, "x.img.sig".to_owned())]
        );
        assert_eq!(candidates(&url, &[sums("SUMS")], &[]).len(), 11);
    }
}
