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
}
