//! `@ASK`: a question that an operator answers on install.

use pest::Parser;
use pest::iterators::Pair;

use super::lines::{HrdParser, Rule};
use super::marked::Marked;
use super::source::Source;
use crate::{Diagnostic, Span};

/// A question.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ask {
    /// What stands before the question, and in front of its answer; mostly nothing.
    pub prefix: String,
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

/// How long a question may be, in bytes: no person writes a longer one, and its tags are all kept at once.
const LONGEST: usize = 64 * 1024;

impl Ask {
    /// Whether a question begins here.
    pub(super) fn starts(text: &str) -> bool {
        let marker = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("@ask"));
        marker && !text[4..].starts_with(|next: char| next.is_alphanumeric() || next == '_' || next == '.')
    }

    /// The question in a part of a value. What stands before it stays in front of the answer.
    pub(super) fn read(source: &Source<'_>, value: &Marked, part: Span) -> Result<Self, Diagnostic> {
        let text = &value.text[part.start..part.end];
        if text.len() > LONGEST {
            return Err(source.error(value.place(part), "this question is longer than 64 KiB"));
        }
        let parsed = HrdParser::parse(Rule::question, text)
            .map_err(|_| source.error(value.place(part), "this question cannot be read"))?;
        let prefix = value.text[..part.start].trim_start_matches(['\'', '"']).to_owned();
        let mut ask = Self { prefix, text: text.to_owned(), ..Self::default() };
        let mut name = "";
        let mut answer = String::new();
        for part in parsed.flat_map(Pair::into_inner) {
            match part.as_rule() {
                Rule::tag => {
                    ask.set(name, std::mem::take(&mut answer));
                    for side in part.into_inner() {
                        match side.as_rule() {
                            Rule::tag_name => name = side.as_str(),
                            _ => answer = unquoted(side.as_str()).to_owned(),
                        }
                    }
                }
                // Words that nobody put into quotes belong to the tag before them.
                Rule::loose => {
                    if !answer.is_empty() {
                        answer.push(' ');
                    }
                    answer.push_str(part.as_str());
                }
                _ => {}
            }
        }
        ask.set(name, answer);
        Ok(ask)
    }

    /// The type as written, where it is none that there is: such a question takes any text.
    pub fn unknown_type(&self) -> Option<String> {
        let tags = HrdParser::parse(Rule::question, &self.text).ok()?.flat_map(Pair::into_inner);
        let types = tags.filter(|part| part.as_rule() == Rule::tag).filter_map(|tag| {
            let mut sides = tag.into_inner();
            let is_type = sides.next()?.as_str().eq_ignore_ascii_case("type");
            is_type.then(|| sides.next().map(|answer| unquoted(answer.as_str()).trim().to_owned()))?
        });
        types.last().filter(|name| AskKind::known(name).is_none())
    }

    fn set(&mut self, tag: &str, answer: String) {
        match tag.to_ascii_lowercase().as_str() {
            "name" => self.name = Some(answer),
            "type" => self.kind = AskKind::named(&answer),
            "descr" | "description" => self.description = Some(answer.replace("\\n", "\n")),
            "default" => self.default = Some(answer),
            "regex" => self.regex = Some(answer),
            "retry" => self.retry = answer.parse().ok(),
            "minvalue" => self.min_value = number(&answer),
            "maxvalue" => self.max_value = number(&answer),
            "dropdownvals" => {
                let choices = answer.split(',').map(str::trim).filter(|choice| !choice.is_empty());
                self.choices = choices.map(str::to_owned).collect();
            }
            // Real files have `decr:`, `typ:`, `decription:`.
            _ => {}
        }
    }
}

impl AskKind {
    fn named(name: &str) -> Self {
        Self::known(name).unwrap_or_default()
    }

    fn known(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "" | "str" | "string" => Self::String,
            "int" | "integer" => Self::Int,
            "float" => Self::Float,
            "bool" | "boolean" => Self::Bool,
            "password" => Self::Password,
            "list" => Self::List,
            "dict" => Self::Dict,
            "multiline" => Self::Multiline,
            "dropdown" => Self::Dropdown,
            _ => return None,
        })
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn unquoted(text: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.strip_suffix(quote).unwrap_or(rest);
        }
    }
    text
}
