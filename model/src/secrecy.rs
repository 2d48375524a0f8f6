//! What is secret, and how a login is hidden: decided once for errors, records and findings.

use std::ops::Range;

use crate::Scheme;

/// Whether a key is called as secrets are.
pub fn is_secret_name(key: &str) -> bool {
    let key = key.to_lowercase();
    ["passw", "secret", "key.priv"].iter().any(|word| key.contains(word))
}

/// Where the logins of a text's addresses stand (`user:password` of `ftp://user:password@host`), whether they can be
/// parsed or not: a password may hold characters that end a login.
pub fn logins(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("://") {
        let start = at + "://".len();
        let line = &text[start..];
        let line = &line[..line.find(['\'', '"', '\n']).unwrap_or(line.len())];
        let address = &line[..line.find(char::is_whitespace).unwrap_or(line.len())];
        let authority = &address[..address.find('/').unwrap_or(address.len())];
        let is_port = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_login = match (authority.contains('@'), authority.split_once(':')) {
            (true, _) => true,
            // Sources of FTP have logins, and hardly ports.
            (false, Some((_, password))) => !is_port(password) || is_ftp(&text[..at]),
            (false, None) => false,
        };
        // A password with a space goes on behind it.
        let end = last_at(address).or_else(|| last_at(line));
        if let (true, Some(end)) = (is_login, end) {
            found.push(start..start + end);
        }
    }
    found
}

/// Whether the scheme at the end of the text is one of FTP's.
fn is_ftp(text: &str) -> bool {
    let scheme = text.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    scheme.to_ascii_lowercase().parse().is_ok_and(Scheme::is_ftp)
}

/// The last `@` but for those that begin a part of a path.
fn last_at(text: &str) -> Option<usize> {
    text.match_indices('@').map(|(at, _)| at).rfind(|at| !text[..*at].ends_with('/'))
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
            ("ftp://user:p@ss/w0rd@h/x", &["user:p@ss/w0rd"]),
            ("ftp://user:p/w?0#rd@h/x", &["user:p/w?0#rd"]),
            ("ftp://user:12/w@h/x", &["user:12/w"]),
            ("url:'FTPS://user:12/w@h/x'", &["user:12/w"]),
            ("ftpes://user:12/w@h/x", &["user:12/w"]),
            ("url:'http://user:pass word@h/x', dest:'a@b'", &["user:pass word"]),
            ("http://h:8080/a@b", &[]),
            ("http://u@h/@scope/x", &["u"]),
            ("http://h/a@b", &[]),
            ("http://[::1]:80/x", &[]),
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
