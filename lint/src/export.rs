//! `web.export`: what is downloaded, and how it is verified.

use ays_grammar::Diagnostic;
use ays_grammar::hrd::{Entry, Item, Value};
use ays_model::Check;
use ays_protocol::{Failure, Fetch};
use ays_recipes::Text;

use crate::Finding;
use crate::codes::{CHECKMD5, HTTP_UNVERIFIED, SOURCE_REFUSED, SOURCE_SILENT, UNVERIFIED, WEB_EXPORT};
use crate::pairs::pairs;
use crate::text::at;

/// `fetch` is what an install makes of the entry; none where only an operator's answers could tell.
pub(crate) fn lint(entry: &Entry, text: &Text, fetch: Option<&Result<Fetch, Diagnostic>>) -> Vec<Finding> {
    let mut found = Vec::new();
    let place = |name: &str| {
        let pairs = pairs(text, entry);
        pairs.iter().rev().find(|pair| pair.name.eq_ignore_ascii_case(name)).map(|pair| pair.span)
    };
    let checkmd5 = value(entry, "checkmd5");
    let is_truth = |text: &str| matches!(&*text.trim().to_lowercase(), "true" | "false" | "1" | "0" | "");
    let is_odd = checkmd5.is_some_and(|text| !text.contains("$(") && !is_truth(text));
    if is_odd {
        let message = "`checkmd5` is neither true nor false, so nothing is checked by it";
        let span = place("checkmd5").unwrap_or(entry.key_span);
        found.push(Finding::at(&CHECKMD5, &at(text, span, message)));
    }
    match fetch {
        Some(Err(error)) => {
            let mut finding = Finding::at(&WEB_EXPORT, error);
            if error.message().contains("$(") {
                "give the key a value: in service.hrd, as a question in instance.hrd, or under [values] in ays.toml"
                    .clone_into(&mut finding.cure);
            }
            found.push(finding);
        }
        Some(Ok(fetch)) if fetch.check == Check::None && !is_odd => {
            let span = place("checkmd5").or_else(|| place("url")).unwrap_or(entry.key_span);
            let (code, message) = match fetch.url.scheme() {
                "file" => return found,
                "http" => (
                    &HTTP_UNVERIFIED,
                    "whoever is between a node and this http source can change what is downloaded",
                ),
                _ => (&UNVERIFIED, "nothing verifies what is downloaded"),
            };
            found.push(Finding::at(code, &at(text, span, message)));
        }
        _ => {}
    }
    found
}

/// What its source answered when it was asked.
pub(crate) fn failed(entry: &Entry, text: &Text, failure: &Failure) -> Finding {
    let code = match failure {
        Failure::Unreachable { .. } => &SOURCE_SILENT,
        _ => &SOURCE_REFUSED,
    };
    let pairs = pairs(text, entry);
    let url = pairs.iter().rev().find(|pair| pair.name.eq_ignore_ascii_case("url"));
    let span = url.map_or(entry.key_span, |pair| pair.span);
    Finding::at(code, &at(text, span, failure.to_string()))
}

fn value<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    let Value::Dict(pairs) = &entry.value else { return None };
    pairs.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, item)| match item {
        Item::String(text) => Some(text.as_str()),
        _ => None,
    })
}
