//! The names in a directory of a web server: what its page links to.

use html5gum::{Token, Tokenizer};
use percent_encoding::percent_decode_str;

/// The most names that are told.
pub(super) const MOST_NAMES: usize = 4096;

/// Names of files, and of directories with a `/` behind, right below the page, each once, as they stand in it.
pub(crate) fn links(page: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for Ok(token) in Tokenizer::new(page) {
        let Token::StartTag(tag) = token else { continue };
        let target = tag.attributes.get(b"href".as_slice()).filter(|_| *tag.name == b"a");
        let Some(name) = target.and_then(|target| name(&String::from_utf8_lossy(target))) else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() == MOST_NAMES {
            break;
        }
    }
    names
}

/// The name that a link leads to; none when that is not right below the page.
fn name(target: &str) -> Option<String> {
    let target = target.strip_prefix("./").unwrap_or(target);
    let name = percent_decode_str(target).decode_utf8().ok()?;
    let plain = name.strip_suffix('/').unwrap_or(&name);
    let is_name = !plain.is_empty()
        && plain != "."
        && plain != ".."
        && !plain.contains(['/', '?', '#', ':', '\\'])
        && !plain.contains(char::is_control);
    is_name.then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_lists() {
        let page = br#"<html><head><title>Index of /wily/</title></head><body><h1>Index</h1><pre>
            <a href="?C=N;O=D">Name</a> <a href="../">Parent</a> <A HREF='20151001/'>20151001/</A>
            <a href="./current/">current/</a> <a href="wily%20server.img">wily server.img</a>
            <a href=SHA256SUMS>SHA256SUMS</a> <a href="SHA256SUMS">again</a> <a href="/icons/">icons</a>
            <a href="https://example.org/x">away</a> <a href="a/b">deeper</a> <a name="x">none</a>
            <img href="x.png"> <a href="&quot;q&quot;">quoted</a> <!-- <a href="hidden"> --></pre></body>"#;
        assert_eq!(links(page), ["20151001/", "current/", "wily server.img", "SHA256SUMS", "\"q\""]);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let page: String = (0..5000).map(|number| format!("<a href='{number}'>")).collect();
        assert_eq!(links(page.as_bytes()).len(), MOST_NAMES);
    }
}
