//! Addresses of pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fields::Fields;

/// What stands in a segment of a path as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path with a name in it: `to("/stacks", "n1")`.
pub(crate) fn to(path: &str, name: &str) -> String {
    format!("{path}/{}", utf8_percent_encode(name, SEGMENT))
}

/// A path with what stands behind its `?`; empty values are left out.
pub(crate) fn with(path: &str, fields: &Fields) -> String {
    let said = fields.0.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(said).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A path that a sign-in may lead on to: one of this server, and no address of another one.
pub(crate) fn is_here(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_segment() {
        assert_eq!(to("/stacks", "a/../b?c#<d>"), "/stacks/a%2F..%2Fb%3Fc%23%3Cd%3E");
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        assert!(is_here("/images?search=a"));
        for elsewhere in ["//example.org", "https://example.org", "/\\example.org", "images", "/a\n"] {
            assert!(!is_here(elsewhere), "{elsewhere}");
        }
    }
}
