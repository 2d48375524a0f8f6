//! Values that go into a script and come out of it.

/// A value of the language, as whoever runs a script sees it.
#[derive(Debug, Clone, PartialEq)]
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
}
