//! What an operator answers: with `--data`, in a file, on the terminal.

use std::collections::BTreeMap;

use ays_grammar::Diagnostic;
use ays_grammar::hrd;

use crate::value::{scalar, short};

/// Why `--data` cannot be read. The texts that are named hold no value: it may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A part without a key.
    #[error(
        "--data: part {0} is not `key:value` (parts are parted by spaces) or `key=value` (parted by `#`)"
    )]
    NoKey(usize),
    /// A quote that does not end.
    #[error("--data: a quote is not closed")]
    OpenQuote,
}

/// What an operator answered: keys in lower case, without `instance.`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<String, String>);

impl Answers {
    /// Reads `k:v k2:v2` or `k=v # k2=v2`; values may be quoted with `'`.
    pub fn parse(data: &str) -> Result<Self, DataError> {
        let first = data.find([':', '=']).map(|at| data.as_bytes()[at]);
        let by_spaces = first != Some(b'=');
        let mut answers = BTreeMap::new();
        for (index, part) in
            split(data, |c| if by_spaces { c.is_whitespace() } else { c == '#' })?.iter().enumerate()
        {
            let (key, value) =
                part.split_once(if by_spaces { ':' } else { '=' }).ok_or(DataError::NoKey(index + 1))?;
            let key = short(key.trim());
            if key.is_empty() {
                return Err(DataError::NoKey(index + 1));
            }
            let value = value.trim();
            let value = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value);
            answers.insert(key, value.to_owned());
        }
        Ok(Self(answers))
    }

    /// Adds what an HRD file answers for an instance whose keys there begin with `prefix`, `domain.name.instance`; what
    /// has an answer keeps it. `file` is its name in errors.
    pub fn add_seed(&mut self, file: &str, bytes: &[u8], prefix: &str) -> Result<(), Diagnostic> {
        let prefix = format!("{}.", prefix.to_lowercase());
        for entry in hrd::parse(file, bytes)?.resolve(file, bytes)?.entries {
            let key = entry.key.to_lowercase();
            if let (Some(key), Some(answer)) = (key.strip_prefix(&prefix), scalar(&entry.value)) {
                self.0.entry(short(key)).or_insert(answer);
            }
        }
        Ok(())
    }

    /// Adds the answer for the key of a question.
    pub fn give(&mut self, key: &str, answer: String) {
        self.0.insert(short(key), answer);
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, answer)| (key.as_str(), answer.as_str()))
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Parts of a text between separators that are not inside quotes; empty parts are left out.
fn split(text: &str, separator: impl Fn(char) -> bool) -> Result<Vec<&str>, DataError> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            c if !quoted && separator(c) => {
                parts.push(text[start..at].trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if quoted {
        return Err(DataError::OpenQuote);
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(answers: &Answers) -> Vec<(&str, &str)> {
        answers.all().collect()
    }

    #[test]
    fn both_forms_of_data_are_read() {
        let colons = Answers::parse("instance.Size:10 name:'a b:c'  url:http://x").unwrap();
        assert_eq!(pairs(&colons), [("name", "a b:c"), ("size", "10"), ("url", "http://x")]);
        let equals = Answers::parse("k=v with spaces # k2='#2'#").unwrap();
        assert_eq!(pairs(&equals), [("k", "v with spaces"), ("k2", "#2")]);
        assert_eq!(pairs(&Answers::parse("").unwrap()), []);
    }

    #[test]
    fn a_file_answers_for_its_instance_what_has_no_answer_yet() {
        let mut answers = Answers::parse("size:10").unwrap();
        let seed = b"G8.image_x-1.0.main.size = 20\ng8.image_x-1.0.main.instance.Ports = 80, 443\n\
                     g8.image_x-1.0.main.db = a:b,\ng8.image_x-1.0.other.name = x\n";
        answers.add_seed("seed.hrd", seed, "g8.image_x-1.0.main").unwrap();
        assert_eq!(pairs(&answers), [("db", "a:b"), ("ports", "80, 443"), ("size", "10")]);
    }

    #[test]
    fn a_wrong_part_is_named_by_its_number_never_by_its_text() {
        assert_eq!(Answers::parse("a:1 hunter2"), Err(DataError::NoKey(2)));
        assert_eq!(Answers::parse(":x"), Err(DataError::NoKey(1)));
        assert_eq!(Answers::parse("a:'x"), Err(DataError::OpenQuote));
        assert_eq!(format!("{:?}", Answers::parse("pw:hunter2").unwrap()), r#"{"pw"}"#);
    }
}
