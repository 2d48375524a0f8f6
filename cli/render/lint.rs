//! Findings: for people, as JSON, and as SARIF, which code hosts show beside the lines of a change.

use ays_lint::{CODES, Code, Mistake};
use ays_model::{Finding, Severity};
use serde_json::{Value, json};

/// As people read it: the place, the line with a caret, the cure.
pub fn text(Mistake { finding, file, line, column, excerpt }: &Mistake) -> String {
    let Finding { code, severity, message, cure } = finding;
    let mut text = format!("{file}:{line}:{column}: {severity}[{code}]: {message}\n");
    if let Some(excerpt) = excerpt {
        text.push_str(excerpt);
        text.push('\n');
    }
    let gutter = " ".repeat(line.to_string().len());
    text.push_str(&format!("{gutter} = help: {cure}\n"));
    text
}

/// How many there are: `2 errors, 1 warning`.
pub fn count(found: &[Mistake]) -> String {
    let errors = found.iter().filter(|mistake| mistake.finding.severity == Severity::Error).count();
    let of = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}", of(errors, "error"), of(found.len() - errors, "warning"))
}

/// What a code means, as `ays explain` shows it.
pub fn explained(code: &Code) -> String {
    let Code { name, summary, reason, cure, .. } = code;
    format!("{name} ({}): {summary}\n\n{reason}\n\nWhat to do: {cure}.", code.severity.as_str())
}

/// SARIF 2.1.0, with paths from the environment's root.
pub fn sarif(found: &[Mistake]) -> Value {
    let rules: Vec<_> = CODES.iter().map(rule).collect();
    let results: Vec<_> = found.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "ays", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.name,
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": code.reason},
        "help": {"text": code.cure},
        "defaultConfiguration": {"level": code.severity.as_str()},
    })
}

fn result(Mistake { finding, file, line, column, .. }: &Mistake) -> Value {
    let Finding { code, severity, message, cure } = finding;
    json!({
        "ruleId": code,
        "ruleIndex": CODES.iter().position(|known| known.name == *code),
        "level": severity,
        "message": {"text": format!("{message}. What to do: {cure}")},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(file), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": line, "startColumn": column},
        }}],
    })
}

/// A path as a relative URI.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let path = path.strip_prefix("./").unwrap_or(path);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_uri() {
        assert_eq!(uri("./a b/ü#1.hrd"), "a%20b/%C3%BC%231.hrd");
    }
}
