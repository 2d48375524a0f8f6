//! What a secret is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no secret's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret's name is up to 100 letters, digits, `_`, `-` and `.`, and begins with a letter or digit")]
pub struct NameError;

/// The name of a secret, in lower case: recipes refer to it in any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SecretName(String);

/// What the names of variables begin with that hold secrets.
pub(crate) const VARIABLE: &str = "AYS_SECRET_";

impl SecretName {
    /// The longest name, in characters.
    pub const LONGEST: usize = 100;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The variable that may hold it: `AYS_SECRET_AYDO` for `aydo`.
    pub(crate) fn variable(&self) -> String {
        let word = self.0.to_uppercase().replace(['-', '.'], "_");
        format!("{VARIABLE}{word}")
    }
}

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let fits = text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.len() <= Self::LONGEST;
        if fits && text.chars().all(known) { Ok(Self(text.to_lowercase())) } else { Err(NameError) }
    }
}

impl TryFrom<String> for SecretName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_word_in_any_case() {
        let name: SecretName = "Ftp.aydo-2_x".parse().unwrap();
        assert_eq!((name.as_str(), &*name.variable()), ("ftp.aydo-2_x", "AYS_SECRET_FTP_AYDO_2_X"));
        for text in ["", "-x", "..", ".x", "a/b", "a b", "ü", "a\n", &"a".repeat(101)] {
            assert_eq!(text.parse::<SecretName>(), Err(NameError), "{text:?}");
        }
    }
}
