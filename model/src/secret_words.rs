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

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text with the references to secrets of the store in the place of their words. None: another secret is in it, which
    /// has no name that holds elsewhere.
    pub fn to_references(&self, text: &str) -> Option<String> {
        let text = self
            .0
            .iter()
            .filter(|(_, reference)| reference.starts_with("$(secret."))
            .fold(text.to_owned(), |text, (word, reference)| text.replace(word, reference));
        self.within(&text).is_none().then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_of_the_store_have_names_that_hold_elsewhere() {
        let words = Words::new([
            ("ays01secret0x".to_owned(), "$(secret.db)".to_owned()),
            ("ays01secret1x".to_owned(), "$(instance.password)".to_owned()),
        ]);
        assert_eq!(words.to_references("db://ays01secret0x@h").as_deref(), Some("db://$(secret.db)@h"));
        assert_eq!(words.to_references("db://ays01secret1x@h"), None);
    }
}
