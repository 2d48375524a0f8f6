//! An error in plain words, as a report, a job's record or an answer over HTTP has it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// Why something did not end well, in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Of what kind it is.
    pub kind: Kind,
    /// What is wrong.
    pub message: String,
    /// What led to it, the nearest cause first; a cause that the words before it name already is left out.
    pub because: Vec<String>,
    /// What to do about it, where the words before do not say so.
    pub cure: Option<String>,
}

impl Problem {
    /// An error of a library, in plain words.
    pub fn of(kind: Kind, error: &dyn std::error::Error) -> Self {
        let message = error.to_string();
        let mut because = Vec::new();
        let mut said = message.clone();
        let mut cause = error.source();
        while let Some(error) = cause {
            let words = error.to_string();
            if !said.contains(&words) {
                said.clone_from(&words);
                because.push(words);
            }
            cause = error.source();
        }
        Self { kind, message, because, cure: None }
    }

    /// The same, as what led to something larger that did not end well.
    pub fn led_to(self, message: String) -> Self {
        let because = std::iter::once(self.message).chain(self.because).collect();
        Self { message, because, ..self }
    }

    /// Its words and their causes in one line.
    pub fn in_one_line(&self) -> String {
        std::iter::once(&self.message).chain(&self.because).map(String::as_str).collect::<Vec<_>>().join(": ")
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let mut problem = Self::of(error.kind, error);
        problem.cure.clone_from(&error.cure);
        problem
    }
}

/// What was said elsewhere, as a cause here.
#[derive(Debug)]
struct Said {
    words: String,
    because: Option<Box<Said>>,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for Said {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.because.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

impl From<Problem> for Error {
    fn from(Problem { kind, message, because, cure }: Problem) -> Self {
        let causes = because.into_iter().rev();
        let because = causes.fold(None, |because, words| Some(Box::new(Said { words, because })));
        Self { cure, ..Self::new(kind, Said { words: message, because }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_as_it_was() {
        let problem = Problem {
            kind: Kind::Failed,
            message: "x on n1 was not installed".to_owned(),
            because: vec!["fetch".to_owned(), "connection refused".to_owned()],
            cure: Some("start the server".to_owned()),
        };
        assert_eq!(Problem::from(&Error::from(problem.clone())), problem);
        assert_eq!(problem.in_one_line(), "x on n1 was not installed: fetch: connection refused");
    }
}
