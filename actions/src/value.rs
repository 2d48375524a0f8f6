//! Values that go into a script and come out of it.

use serde::{Deserialize, Serialize};

/// A value of the language, as whoever runs a script sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `None`.
    None,
    /// `True`, `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A decimal number.
    Float(f64),
    /// A text.
    Str(String),
    /// A list or tuple.
    List(Vec<Value>),
    /// A dict, in its order.
    Dict(Vec<(Value, Value)>),
    /// What only a node can tell, and none was asked, as a plan shows it.
    Unknown(String),
    /// Anything else, as the language would show it.
    Other(String),
}

impl Value {
    /// Whether a text is within it.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Str(value) => value.contains(text),
            Self::List(items) => items.iter().any(|item| item.holds(text)),
            Self::Dict(pairs) => pairs.iter().any(|(key, value)| key.holds(text) || value.holds(text)),
            _ => false,
        }
    }

    /// The same with another text in the place of each; none where one of them has none.
    pub fn with_texts(self, other: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        Some(match self {
            Self::Str(text) => Self::Str(other(&text)?),
            Self::List(items) => {
                Self::List(items.into_iter().map(|item| item.with_texts(other)).collect::<Option<_>>()?)
            }
            Self::Dict(pairs) => {
                let pair =
                    |(key, value): (Self, Self)| Some((key.with_texts(other)?, value.with_texts(other)?));
                Self::Dict(pairs.into_iter().map(pair).collect::<Option<_>>()?)
            }
            value => value,
        })
    }
}
