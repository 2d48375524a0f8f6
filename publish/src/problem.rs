//! What stands in the way of a publication, found before a byte is sent.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Nothing is sent.
    Error,
    /// It is sent, and somebody should know.
    Warning,
}

/// A problem: what, because of what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// How bad it is.
    pub weight: Weight,
    /// What is wrong, and why.
    pub problem: String,
    /// What to do about it.
    pub cure: String,
}

impl Problem {
    /// One because of which nothing is sent.
    pub fn error(problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { weight: Weight::Error, problem: problem.into(), cure: cure.into() }
    }

    /// One that somebody should know.
    pub fn warning(problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, ..Self::error(problem, cure) }
    }
}
