//! Questions on the terminal.

use std::io::IsTerminal;

use inquire::validator::Validation;
use inquire::{Confirm, CustomUserError, InquireError, Password, PasswordDisplayMode, Select, Text};
use secrecy::SecretString;

use crate::failure::Failure;

/// Whether there is someone to ask.
pub fn possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A line of text, asked again until `check` takes it.
pub fn text(
    question: &str,
    default: Option<&str>,
    check: impl Fn(&str) -> Result<(), String> + Clone + 'static,
) -> Result<String, Failure> {
    let valid = move |text: &str| -> Result<Validation, CustomUserError> {
        Ok(check(text).map_or_else(|problem| Validation::Invalid(problem.into()), |()| Validation::Valid))
    };
    let mut prompt = Text::new(question).with_validator(valid);
    prompt.default = default;
    prompt.prompt().map_err(not_answered)
}

/// A text that is not shown while it is typed.
pub fn secret(question: &str) -> Result<SecretString, Failure> {
    let prompt =
        Password::new(question).without_confirmation().with_display_mode(PasswordDisplayMode::Hidden);
    prompt.prompt().map(SecretString::from).map_err(not_answered)
}

/// One of several texts.
pub fn choose(question: &str, choices: Vec<String>, default: Option<&str>) -> Result<String, Failure> {
    let first = default.and_then(|default| choices.iter().position(|choice| choice == default));
    Select::new(question, choices).with_starting_cursor(first.unwrap_or(0)).prompt().map_err(not_answered)
}

/// Yes or no.
pub fn confirm(question: &str, default: Option<bool>) -> Result<bool, Failure> {
    let mut prompt = Confirm::new(question);
    prompt.default = default;
    prompt.prompt().map_err(not_answered)
}

fn not_answered(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => Failure::Interrupted,
        error => Failure::NotAnswered(error),
    }
}
