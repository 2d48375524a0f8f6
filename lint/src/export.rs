//! `web.export`: what is downloaded, and how it is verified.

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{Entry, Item, Value};
use ays_model::{ArtifactAddress, Check, Download, Reference, Scheme, SecretUrl, near};
use ays_recipes::{CHECKS, SigningKeys, Text, looks_like_a_check};

use crate::codes::{
    CHECKMD5, HTTP_UNVERIFIED, SIGNED_WITHOUT_KEYS, SOURCE_NO_IMAGE, SOURCE_REFUSED, SOURCE_SILENT,
    UNKNOWN_CHECK, UNVERIFIED, WEAK_CHECK, WEB_EXPORT,
};
use crate::mistake::Mistake;
use crate::pairs::pairs;
use crate::place::at;

/// `download` is what an install makes of the entry; none where only an operator's answers could tell.
pub(crate) fn lint(
    entry: &Entry,
    text: &Text,
    download: Option<&Result<Download, Diagnostic>>,
    keys: &SigningKeys,
) -> Vec<Mistake> {
    let mut found = Vec::new();
    let place = |name: &str| {
        let pairs = pairs(text, entry);
        pairs.iter().rev().find(|pair| pair.name.eq_ignore_ascii_case(name)).map(|pair| pair.span)
    };
    let checkmd5 = value(entry, "checkmd5");
    let is_truth = |text: &str| matches!(&*text.trim().to_lowercase(), "true" | "false" | "1" | "0" | "");
    let is_odd = checkmd5.is_some_and(|text| !text.contains("$(") && !is_truth(text));
    if is_odd {
        let message = "`checkmd5` is neither true nor false";
        let span = place("checkmd5").unwrap_or(entry.key_span);
        found.push(Mistake::at(&CHECKMD5, &at(text, span, message)));
    }
    let unknown: Vec<_> =
        pairs(text, entry).into_iter().filter(|pair| looks_like_a_check(pair.name)).collect();
    for pair in &unknown {
        let meant = near(pair.name, CHECKS).map(|meant| format!("; did you mean `{meant}`?"));
        let message = format!("`{}` is no check that is known{}", pair.name, meant.unwrap_or_default());
        found.push(Mistake::at(&UNKNOWN_CHECK, &at(text, pair.span, message)));
    }
    let is_of_keys = |error: &Diagnostic| error.message().contains("`signed`: ");
    match download {
        // Its place is told above.
        Some(Err(_)) if is_odd || !unknown.is_empty() => {}
        // What is wrong with one of them is told where it lies.
        Some(Err(error)) if is_of_keys(error) && keys.is_broken() => {}
        Some(Err(error)) if is_of_keys(error) && keys.is_empty() => {
            let span = place("signed").unwrap_or(entry.key_span);
            let message = "`signed` needs a key in keys/, and there is none";
            found.push(Mistake::at(&SIGNED_WITHOUT_KEYS, &at(text, span, message)));
        }
        Some(Err(error)) => {
            let mut mistake = Mistake::at(&WEB_EXPORT, error);
            if error.message().contains("$(") {
                "give the key a value: in service.hrd, as a question in instance.hrd, or under [values] in ays.toml"
                    .clone_into(&mut mistake.finding.cure);
            }
            found.push(mistake);
        }
        Some(Ok(download)) if download.check == Check::None => {
            let span = place("checkmd5").or_else(|| place("url")).unwrap_or(entry.key_span);
            let (code, message) = match download.url.scheme() {
                Scheme::File => return found,
                Scheme::Http => (
                    &HTTP_UNVERIFIED,
                    "whoever is between a node and this http source can change what is downloaded",
                ),
                Scheme::Https
                | Scheme::Ftp
                | Scheme::Ftps
                | Scheme::Ftpes
                | Scheme::Oci
                | Scheme::OciHttp => (&UNVERIFIED, "nothing verifies what is downloaded"),
            };
            found.push(Mistake::at(code, &at(text, span, message)));
        }
        Some(Ok(Download { check: Check::Artifact(_), url, .. })) if is_in_clear_by_tag(url) => {
            let span = place("url").unwrap_or(entry.key_span);
            let message = "whoever is between a node and this registry can say what the tag leads to";
            let mut mistake = Mistake::at(&HTTP_UNVERIFIED, &at(text, span, message));
            "write oci:, or @sha256:.. in the place of the tag".clone_into(&mut mistake.finding.cure);
            found.push(mistake);
        }
        Some(Ok(Download { check: Check::Checksum(checksum), .. })) if checksum.kind().is_weak() => {
            let kind = checksum.kind();
            let span = place(kind.as_str()).unwrap_or(entry.key_span);
            let message = format!("{} alone verifies what is downloaded", kind.title());
            found.push(Mistake::at(&WEAK_CHECK, &at(text, span, message)));
        }
        _ => {}
    }
    found
}

/// Whether a registry says without encryption what an artifact is, and nothing proves it.
fn is_in_clear_by_tag(url: &SecretUrl) -> bool {
    let is_by_tag = |address: ArtifactAddress| matches!(address.reference(), Reference::Tag(_));
    url.scheme().is_plain_http() && ArtifactAddress::of(url).is_ok_and(is_by_tag)
}

/// What came of asking a source, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceProblem {
    /// It did not answer.
    Silent(String),
    /// It answered that the file is not to be had, or not as the recipe says.
    Refused(String),
    /// Its first bytes are of no disk image.
    NoImage(String),
}

/// What its source answered when it was asked.
pub(crate) fn failed(entry: &Entry, text: &Text, problem: &SourceProblem) -> Mistake {
    let (code, message) = match problem {
        SourceProblem::Silent(message) => (&SOURCE_SILENT, message),
        SourceProblem::Refused(message) => (&SOURCE_REFUSED, message),
        SourceProblem::NoImage(message) => (&SOURCE_NO_IMAGE, message),
    };
    let pairs = pairs(text, entry);
    let url = pairs.iter().rev().find(|pair| pair.name.eq_ignore_ascii_case("url"));
    let span = url.map_or(entry.key_span, |pair| pair.span);
    Mistake::at(code, &at(text, span, message.clone()))
}

fn value<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    let Value::Dict(pairs) = &entry.value else { return None };
    pairs.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, item)| match item {
        Item::String(text) => Some(text.as_str()),
        _ => None,
    })
}
