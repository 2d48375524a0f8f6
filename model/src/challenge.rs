//! How a server says that it wants a login: the header `WWW-Authenticate` (RFC 9110).

/// The longest header that is read, in bytes.
const LONGEST: usize = 8 << 10;

/// A way in that a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// By a token, which another server gives.
    Bearer {
        /// That server's address.
        realm: String,
        /// What it calls the one that wants the token.
        service: Option<String>,
    },
    /// By name and password.
    Basic,
}

/// The ways in that are known, in their order.
pub fn challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    if header.len() > LONGEST {
        return Vec::new();
    }
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_ascii_whitespace());
        let (word, after) = word(rest);
        if word.is_empty() {
            break;
        }
        match after.trim_start().strip_prefix('=') {
            // A scheme, or what is behind one.
            None => {
                found.push((word.to_ascii_lowercase(), Vec::new()));
                rest = after;
            }
            Some(after) => {
                let (value, after) = value(after.trim_start());
                if let Some((_, parameters)) = found.last_mut() {
                    parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            }
        }
    }
    found.into_iter().filter_map(|(scheme, parameters)| known(&scheme, &parameters)).collect()
}

fn known(scheme: &str, parameters: &[(String, String)]) -> Option<Challenge> {
    let get = |name: &str| parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer { realm: get("realm")?, service: get("service") }),
        _ => None,
    }
}

/// The word that a text begins with, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | '=' | '"');
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// A value, which may be quoted, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = word(text);
        // A stray `=` would never be passed otherwise.
        let rest = if word.is_empty() { rest.strip_prefix('=').unwrap_or(rest) } else { rest };
        return (word.to_owned(), rest);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            '"' if !escaped => return (value, &quoted[at + 1..]),
            '\\' if !escaped => escaped = true,
            _ => {
                value.push(c);
                escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn what_servers_say() {
        let docker = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull""#;
        for (header, expected) in [
            (docker, vec![bearer("https://auth.docker.io/token", Some("registry.docker.io"))]),
            (r#"Basic realm="Registry Realm""#, vec![Challenge::Basic]),
            ("basic", vec![Challenge::Basic]),
            (
                r#"Digest qop="auth", Basic realm="a, b", Bearer realm=x"#,
                vec![Challenge::Basic, bearer("x", None)],
            ),
            (r#"BEARER Realm = "a\"b\\" , service=s"#, vec![bearer("a\"b\\", Some("s"))]),
            ("Bearer service=s", vec![]),
            ("Negotiate YII==, Basic realm=x", vec![Challenge::Basic]),
            (r#"Bearer realm="never ends"#, vec![bearer("never ends", None)]),
            ("", vec![]),
            ("=,=\"\" \"", vec![]),
            (r#"realm="x""#, vec![]),
        ] {
            assert_eq!(challenges(header), expected, "{header}");
        }
        assert_eq!(challenges(&"Basic,".repeat(2000)), []);
    }
}
