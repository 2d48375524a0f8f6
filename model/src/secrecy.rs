//! What is secret, and how a login is hidden: decided once for errors, records and findings.

use std::ops::Range;

/// Whether a key is called as secrets are.
pub fn is_secret_name(key: &str) -> bool {
    let key = key.to_lowercase();
    ["passw", "secret", "key.priv"].iter().any(|word| key.contains(word))
}

/// Where the logins of a text's addresses stand (`user:password` of `ftp://user:password@host`), whether they can be parsed or
/// not.
pub fn logins(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://") {
        let start = at + "://".len();
        let address = &text[start..];
        let end = address
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"'))
            .unwrap_or(address.len());
        if let Some(login) = address[..end].rfind('@') {
            found.push(start..start + login);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_wherever_they_stand() {
        for (text, found) in [
            ("url:'ftp://u:p@h/x', source:'/@y'", &["u:p"][..]),
            ("http://h/x ftp://a@b@c https://u:p,q<r@h", &["a@b", "u:p,q<r"]),
            ("http://h user@h", &[]),
            ("://", &[]),
        ] {
            let logins: Vec<&str> = logins(text).into_iter().map(|login| &text[login]).collect();
            assert_eq!(logins, found, "{text}");
        }
    }

    #[test]
    fn keys_that_are_called_as_secrets_are() {
        for key in ["instance.Password", "db.passwd", "my.secret", "instance.key.priv"] {
            assert!(is_secret_name(key), "{key}");
        }
        assert!(!is_secret_name("instance.key.pub"));
    }
}
