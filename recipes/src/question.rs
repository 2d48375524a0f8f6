//! `@ASK`: what an answer must be.

use ays_grammar::hrd::{self, Ask, AskKind, Value};
use ays_model::is_secret_name;
use regex::RegexBuilder;

/// Why an answer cannot be taken, or there is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnswerError {
    /// No answers and no defaults.
    #[error("{}: give {} with --data '{}'", no_answer(.0), it(.0), data(.0))]
    Missing(Vec<Question>),
    /// Not what the question asks for.
    #[error("the answer for `{key}` must be {expected}")]
    Type {
        /// The key.
        key: String,
        /// What it must be.
        expected: String,
    },
    /// What the question compares answers with cannot be read.
    #[error("the `regex` of `{key}` cannot be used")]
    Regex {
        /// The key.
        key: String,
        /// Why.
        source: regex::Error,
    },
}

/// A question of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The key that is asked for, in lower case, without `instance.`.
    pub key: String,
    /// What is asked.
    pub ask: Ask,
}

/// The most memory that a regex may take, in bytes.
const REGEX_SIZE: usize = 1 << 20;

impl Question {
    /// Whether its answer is kept as a secret, and is not shown while it is typed.
    pub fn is_secret(&self) -> bool {
        self.ask.kind == AskKind::Password || is_secret_name(&self.key)
    }

    /// Whether this can be the answer. One that refers to other values is not known yet, and is taken.
    pub fn check(&self, answer: &str) -> Result<(), AnswerError> {
        self.check_type(answer)?;
        self.check_regex(answer)
    }

    /// Whether it is of the question's type, and within its bounds.
    pub(crate) fn check_type(&self, answer: &str) -> Result<(), AnswerError> {
        if answer.contains("$(") {
            return Ok(());
        }
        let expected = |expected: &str| self.expected(expected);
        let Ask { kind, choices, .. } = &self.ask;
        let trimmed = answer.trim();
        match kind {
            AskKind::Int if trimmed.parse::<i64>().is_err() => return Err(expected("a whole number")),
            AskKind::Float if !trimmed.parse().is_ok_and(f64::is_finite) => return Err(expected("a number")),
            AskKind::Bool if !matches!(&*trimmed.to_lowercase(), "true" | "false" | "1" | "0") => {
                return Err(expected("true or false"));
            }
            AskKind::Dropdown if !choices.is_empty() && !choices.iter().any(|choice| choice == answer) => {
                return Err(expected(&format!("one of {}", choices.join(", "))));
            }
            AskKind::List if !matches!(read(&format!("{answer},")), Some(Value::List(_))) => {
                return Err(expected("a list such as `a, b, c`"));
            }
            AskKind::Dict if !matches!(read(&format!("{answer},")), Some(Value::Dict(_))) => {
                return Err(expected("pairs such as `key:value, key2:value2`"));
            }
            _ => {}
        }
        if let Ok(number) = trimmed.parse::<f64>() {
            if let Some(least) = self.ask.min_value.filter(|least| number < *least) {
                return Err(expected(&format!("at least {least}")));
            }
            if let Some(most) = self.ask.max_value.filter(|most| number > *most) {
                return Err(expected(&format!("at most {most}")));
            }
        }
        Ok(())
    }

    /// Whether it matches from its beginning on, as AYS compared them.
    fn check_regex(&self, answer: &str) -> Result<(), AnswerError> {
        let Some(regex) =
            self.ask.regex.as_deref().filter(|regex| !regex.is_empty() && !answer.contains("$("))
        else {
            return Ok(());
        };
        let compiled = RegexBuilder::new(&format!("^(?:{regex})")).size_limit(REGEX_SIZE).build();
        let compiled = compiled.map_err(|source| AnswerError::Regex { key: self.key.clone(), source })?;
        if compiled.is_match(answer) {
            Ok(())
        } else {
            Err(self.expected(&format!("text that matches {regex}")))
        }
    }

    fn expected(&self, expected: &str) -> AnswerError {
        AnswerError::Type { key: self.key.clone(), expected: expected.to_owned() }
    }
}

/// What HRD makes of a text in one line.
fn read(text: &str) -> Option<Value> {
    let one_line = text.replace(['\n', '\r'], " ");
    let hrd = hrd::parse("answer", format!("answer = {one_line}\n").as_bytes()).ok()?;
    hrd.get("answer").map(|entry| entry.value.clone())
}

fn no_answer(questions: &[Question]) -> String {
    let keys: Vec<_> = questions.iter().map(|question| format!("`{}`", question.key)).collect();
    match &keys[..] {
        [key] => format!("{key} has no answer and no default"),
        keys => format!("{} have no answers and no defaults", keys.join(", ")),
    }
}

fn it(questions: &[Question]) -> &'static str {
    if questions.len() == 1 { "it" } else { "them" }
}

fn data(questions: &[Question]) -> String {
    // A password has no business on a command line.
    let value = |question: &Question| if question.is_secret() { "$(secret.NAME)" } else { "VALUE" };
    questions
        .iter()
        .map(|question| format!("{}:{}", question.key, value(question)))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &str) -> Question {
        let hrd = hrd::parse("instance.hrd", format!("key = @ASK {text}\n").as_bytes()).unwrap();
        match &hrd.entries[0].value {
            Value::Ask(ask) => Question { key: "key".to_owned(), ask: ask.clone() },
            value => panic!("{value:?}"),
        }
    }

    /// What an answer must be; nothing where it is taken.
    fn expected(text: &str, answer: &str) -> String {
        match question(text).check(answer) {
            Ok(()) => String::new(),
            Err(AnswerError::Type { expected, .. }) => expected,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_type_says_what_it_takes() {
        for (text, good, bad, message) in [
            ("type:int", "12", "1.5", "a whole number"),
            ("type:int minValue:1 maxValue:5", "5", "6", "at most 5"),
            ("type:float minValue:0.5", "0.5", "0.4", "at least 0.5"),
            ("type:float", "1e3", "inf", "a number"),
            ("type:bool", "True", "yes", "true or false"),
            ("type:dropdown dropdownvals:a,b", "b", "c", "one of a, b"),
            ("type:list", "a", "k:v", "a list such as `a, b, c`"),
            ("type:dict", "k:v, k2:'v, w'", "k", "pairs such as `key:value, key2:value2`"),
            ("type:str regex:'^[a-z]+$'", "abc", "a1", "text that matches ^[a-z]+$"),
            ("type:password regex:..", "abc", "a", "text that matches .."),
        ] {
            assert_eq!(expected(text, good), "", "{text}");
            assert_eq!(expected(text, bad), message, "{text}");
        }
        assert_eq!(expected("type:multiline", "a\nb\n"), "");
        assert_eq!(expected("type:int", "$(instance.other)"), "");
    }

    #[test]
    fn a_regex_that_is_wrong_or_too_large_is_told() {
        for regex in ["(", "(((a{99}){99}){99}){99}"] {
            assert_eq!(
                expected(&format!("type:str regex:'{regex}'"), "a"),
                "the `regex` of `key` cannot be used"
            );
        }
    }

    #[test]
    fn passwords_are_secrets_whatever_they_are_called() {
        assert!(question("type:password").is_secret());
        assert!(!question("type:str").is_secret());
        let named = Question { key: "ssh.key.private".to_owned(), ask: Ask::default() };
        assert!(named.is_secret());
    }
}
