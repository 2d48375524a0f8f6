//! Where ASCII armor begins and ends in a text.

/// The blocks of a kind (`PGP SIGNATURE`), each with its first and its last line, and nothing around them.
pub(crate) fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let end = format!("-----END {kind}-----");
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) =
        first_line(&text[at..], &format!("-----BEGIN {kind}-----")).map(|found| at + found)
        && let Some(length) = first_line(&text[begin..], &end)
    {
        at = begin + length + end.len();
        found.push(&text[begin..at]);
    }
    found
}

/// A clear-signed text, from the line that begins it to the one that ends its signature.
pub(crate) fn clear_signed(text: &str) -> Option<&str> {
    let begin = first_line(text, CLEAR_SIGNED)?;
    let text = &text[begin..];
    let end = "-----END PGP SIGNATURE-----";
    // Without an end it is broken, which is said where it is read.
    Some(first_line(text, end).map_or(text, |at| &text[..at + end.len()]))
}

const CLEAR_SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";

/// Where the first line is that is this one.
fn first_line(text: &str, line: &str) -> Option<usize> {
    let is_line = |at: &usize| {
        let begins = *at == 0 || text.as_bytes()[at - 1] == b'\n';
        let rest = &text[at + line.len()..];
        let rest = rest.split('\n').next().unwrap_or_default();
        begins && rest.trim_end_matches([' ', '\t', '\r']).is_empty()
    };
    text.match_indices(line).map(|(at, _)| at).find(is_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_begin_and_end_a_block() {
        let block = "-----BEGIN X-----\nabc\n-----END X-----";
        for text in [
            block.to_owned(),
            format!("before\n{block}\nafter"),
            format!("> -----BEGIN X-----\n{block} \r\n"),
            format!("-----BEGIN X----- no\n{block}"),
        ] {
            assert_eq!(blocks(&text, "X"), [block], "{text:?}");
        }
        assert_eq!(blocks(&format!("{block}\n{block}"), "X"), [block, block]);
        assert_eq!(blocks("-----BEGIN X-----\nabc", "X"), [""; 0]);
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\n\na\n-----BEGIN PGP SIGNATURE-----\n-----END PGP SIGNATURE-----";
        assert_eq!(clear_signed(&format!("b\n{signed}\nc\n")), Some(signed));
        assert_eq!(clear_signed("b -----BEGIN PGP SIGNED MESSAGE-----\n"), None);
    }
}
