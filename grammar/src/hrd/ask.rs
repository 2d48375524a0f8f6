//! `@ASK`: a question that an operator answers on install.

/// A question.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ask {
    /// The question as written, from `@ASK` on.
    pub text: String,
    /// `name:`, what the answer is called.
    pub name: Option<String>,
    /// `type:`, what the answer must be.
    pub kind: AskKind,
    /// `descr:`, what the operator is asked.
    pub description: Option<String>,
    /// `default:`, the answer where none is given.
    pub default: Option<String>,
    /// `regex:`, what the answer must match.
    pub regex: Option<String>,
    /// `retry:`, how often is asked again.
    pub retry: Option<u32>,
    /// `minValue:`
    pub min_value: Option<f64>,
    /// `maxValue:`
    pub max_value: Option<f64>,
    /// `dropdownvals:`, what to choose from.
    pub choices: Vec<String>,
}

/// What an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AskKind {
    /// Any text; also where no type, or an unknown one, is written.
    #[default]
    String,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Yes or no.
    Bool,
    /// A text that is not shown.
    Password,
    /// A list, as HRD writes one.
    List,
    /// A dict, as HRD writes one.
    Dict,
    /// Text of several lines.
    Multiline,
    /// One of the choices.
    Dropdown,
}
