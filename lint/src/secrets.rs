//! Secrets that lie in a repository.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ays_grammar::{Diagnostic, Span};
use ays_model::logins;
use ays_recipes::Text;
use walkdir::WalkDir;

use crate::codes::{PASSWORD_IN_URL, PRIVATE_KEY, STORED_KEY};
use crate::mistake::Mistake;
use crate::place::{at, part};

/// Files larger than this are no keys.
const LARGEST: u64 = 1 << 20;
/// How many characters of a key's text stand on its first line, at least.
const KEY_LINE: usize = 40;

/// Passwords in the addresses of a part of a file. What `$(..)` stands for is elsewhere.
pub(crate) fn in_addresses(text: &Text, span: Span) -> Vec<Mistake> {
    let value = part(text, span);
    let mut found = Vec::new();
    for login in logins(value) {
        let start = login.start;
        let Some((_, password)) = value[login.clone()].split_once(':') else { continue };
        if password.is_empty() || password.contains("$(") {
            continue;
        }
        let line = &value[value[..start].rfind('\n').map_or(0, |at| at + 1)..start];
        if line.trim_start().starts_with('#') {
            continue;
        }
        let before = value[..start].trim_end_matches("://");
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let after = &value[login.end + 1..];
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"' | ',' | '<');
        let host = &after[..after.find(ends).unwrap_or(after.len())];
        let name = secret_name(host);
        let cure = format!(
            "keep it outside: `ays secret set {name}` asks for `user:password`, and the recipe says {scheme}://$(secret.{name})@{host}"
        );
        let place = Span::new(span.start + start, span.start + login.end);
        let message = "an address holds a password, which all who can read the repository can read";
        found.push(Mistake::at(&PASSWORD_IN_URL, &at(text, place, message).with_help(cure)));
    }
    found
}

/// A name for a host's secret: `aydo` for `ftp.aydo.com`.
fn secret_name(host: &str) -> String {
    let host = host.split(':').next().unwrap_or_default();
    let is_name = |part: &str| {
        part.starts_with(char::is_alphabetic) && part.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let parts: Vec<_> = host.split('.').collect();
    let name = parts
        .len()
        .checked_sub(2)
        .and_then(|at| parts.get(at))
        .filter(|_| parts.iter().all(|part| is_name(part)));
    name.map_or("source", |name| name).to_owned()
}

/// Passwords in the addresses of the environment's `ays.toml`.
pub(crate) fn in_settings(root: &Path) -> Vec<Mistake> {
    let Ok(bytes) = std::fs::read(root.join("ays.toml")) else { return Vec::new() };
    let text = Text { name: "ays.toml".to_owned(), bytes };
    let mut found = in_addresses(&text, Span::new(0, text.bytes.len()));
    for mistake in &mut found {
        // Secrets are put into recipes, not into settings.
        "take the key out of ays.toml, and set it in /etc/ays/config.toml or by its variable, such as AYS_FETCH_HTTPS_PROXY"
            .clone_into(&mut mistake.finding.cure);
    }
    found
}

/// Private keys in all files below `top`, named from `root`. Files that git leaves out are nobody's business.
pub(crate) fn private_keys(top: &Path, root: &Path, ignored: &dyn Fn(&Path) -> bool) -> Vec<Mistake> {
    let mut found = Vec::new();
    let files =
        WalkDir::new(top).sort_by_file_name().into_iter().filter_entry(|entry| entry.file_name() != ".git");
    for entry in files.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
        if entry.metadata().is_ok_and(|metadata| metadata.len() > LARGEST) {
            continue;
        }
        let mut bytes = Vec::new();
        let read = File::open(entry.path()).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
        if read.is_err() || !bytes.windows(4).any(|four| four == b"KEY-") {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes);
        let name = entry.path().strip_prefix(root).unwrap_or(entry.path()).display().to_string();
        for place in keys_in(&text) {
            if ignored(entry.path()) {
                break;
            }
            // AYS kept the keys that it reached nodes by in services of the template `sshkey`.
            let directory =
                entry.path().parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            let is_stored =
                directory.split("__").nth(1) == Some("sshkey") && entry.file_name() == "service.hrd";
            let code = if is_stored { &STORED_KEY } else { &PRIVATE_KEY };
            let message = "a private key lies in the repository: all who can read it can use the key";
            found.push(Mistake::at(code, &Diagnostic::new(&name, &text, place, message)));
        }
    }
    found
}

/// Where private keys begin. A line that only looks like one, as in a documentation, has no key under it.
fn keys_in(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("-----BEGIN ") {
        let rest = &text[start + "-----BEGIN ".len()..];
        let Some((kind, body)) = rest.split_once("-----") else { continue };
        let words = ["PRIVATE KEY", "PRIVATE KEY BLOCK"];
        if kind.len() > 40 || !words.iter().any(|word| kind.ends_with(word)) {
            continue;
        }
        let is_key = |line: &str| {
            line.trim().len() >= KEY_LINE
                && line.trim().chars().all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c))
        };
        if body.replace("\\n", "\n").lines().take(6).any(is_key) {
            found.push(Span::new(start, start + "-----BEGIN -----".len() + kind.len()));
        }
    }
    for (start, _) in text.match_indices("AGE-SECRET-KEY-1") {
        let rest = &text[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len());
        if end > 60 {
            found.push(Span::new(start, start + "AGE-SECRET-KEY".len()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_after_its_host() {
        for (host, name) in [
            ("ftp.aydo.com", "aydo"),
            ("10.0.0.1", "source"),
            ("$(origin)", "source"),
            ("h", "source"),
            ("a.b:21", "a"),
        ] {
            assert_eq!(secret_name(host), name, "{host}");
        }
    }

    #[test]
    fn a_key_has_a_body() {
        let body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
        for (text, count) in [
            (format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----\n"), 1),
            (format!("x = '-----BEGIN RSA PRIVATE KEY-----\\n{body}\\n'"), 1),
            (format!("-----BEGIN PUBLIC KEY-----\n{body}\n"), 0),
            ("a key begins with -----BEGIN RSA PRIVATE KEY----- and goes on\n".to_owned(), 0),
            (format!("AGE-SECRET-KEY-1{}", "Q".repeat(58)), 1),
        ] {
            assert_eq!(keys_in(&text).len(), count, "{text}");
        }
    }
}
