//! What stands in a recipe's texts for its secrets.

use std::sync::Arc;

/// The words that stand for secrets, without these.
#[derive(Debug, Clone, Default)]
pub struct Words(Arc<[(String, String)]>);

impl Words {
    /// Of these words, each with its reference as a recipe writes it.
    pub fn new(words: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(words.into_iter().collect())
    }

    /// A text with `***` in the place of each word.
    pub fn hide(&self, text: &str) -> String {
        let words = self.0.iter().filter(|(word, _)| text.contains(word));
        words.fold(text.to_owned(), |text, (word, _)| text.replace(word, "***"))
    }

    /// The reference of a secret whose word the text holds.
    pub fn within(&self, text: &str) -> Option<&str> {
        self.0.iter().find(|(word, _)| text.contains(word)).map(|(_, reference)| reference.as_str())
    }

    /// A text with each word's reference in its place: it can be kept, and means the same to the next run.
    pub fn to_references(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (word, reference)| text.replace(word, reference))
    }

    /// A text that was kept, with the words in the place of their references.
    pub fn of_references(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (word, reference)| text.replace(reference, word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_names_secrets_by_their_references() {
        let words = |word: &str| Words::new([(word.to_owned(), "$(secret.db)".to_owned())]);
        let kept = words("ays01secret0x").to_references("db://ays01secret0x@host");
        assert_eq!(kept, "db://$(secret.db)@host");
        assert_eq!(words("ays02secret0x").of_references(&kept), "db://ays02secret0x@host");
    }
}
