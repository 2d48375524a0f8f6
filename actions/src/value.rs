//! Values of the language.

/// A value of the language.
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
    /// Something that a recipe names but does not have the inside of: a module, a function of one, the service.
    /// The text is its full dotted name.
    Host(String),
}
