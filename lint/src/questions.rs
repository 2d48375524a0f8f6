//! `@ASK`: questions that nobody can answer.

use ays_grammar::hrd::{AskKind, Entry, Value};
use ays_model::near;
use ays_recipes::Text;
use regex::Regex;

use crate::codes::{QUESTION, QUESTION_TYPE};
use crate::mistake::Mistake;
use crate::place::{at, within};

const TYPES: [&str; 11] = [
    "string",
    "int",
    "integer",
    "float",
    "bool",
    "boolean",
    "password",
    "list",
    "dict",
    "multiline",
    "dropdown",
];

pub(crate) fn lint(entry: &Entry, text: &Text) -> Vec<Mistake> {
    let Value::Ask(ask) = &entry.value else { return Vec::new() };
    let mut found = Vec::new();
    let mut wrong = |needle: &str, message: String| {
        let place = within(text, entry.value_span, needle);
        found.push(Mistake::at(&QUESTION, &at(text, place, message)));
    };
    if let Some(pattern) = ask.regex.as_deref().filter(|pattern| !pattern.is_empty()) {
        match Regex::new(&format!("^(?:{pattern})")) {
            Err(_) => wrong(pattern, format!("the regex of `{}` cannot be used", entry.key)),
            Ok(regex) => {
                let default =
                    ask.default.as_deref().filter(|default| !default.is_empty() && !default.contains("$("));
                if let Some(default) = default.filter(|default| !regex.is_match(default)) {
                    wrong(default, format!("the default of `{}` does not match its own regex", entry.key));
                }
            }
        }
    }
    if let (Some(least), Some(most)) = (ask.min_value, ask.max_value)
        && least > most
    {
        let message = format!("no answer for `{}` is at least {least} and at most {most}", entry.key);
        wrong("minValue", message);
    }
    if ask.kind == AskKind::Dropdown && ask.choices.is_empty() {
        wrong(
            "dropdown",
            format!("`{}` is to be chosen, and there are no dropdownvals to choose from", entry.key),
        );
    }
    if let Some(name) = ask.unknown_type() {
        let meant = near(&name, TYPES).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        let message = format!("`{name}` is no type of a question, so any text is taken{meant}");
        let place = within(text, entry.value_span, &name);
        found.push(Mistake::at(&QUESTION_TYPE, &at(text, place, message)));
    }
    found
}
