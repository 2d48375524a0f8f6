//! The questions of a recipe, asked on the terminal.

use ays_grammar::hrd::AskKind;
use ays_recipes::{AnswerError, Answers, Question};
use secrecy::ExposeSecret;

use ays_model::causes;

use crate::failure::{Failure, eprint_line};
use crate::prompt;
use crate::render::printable;

/// Asks each question, and adds what is answered.
pub fn ask_all(questions: &[Question], answers: &mut Answers) -> Result<(), Failure> {
    for question in questions {
        answers.give(&question.key, ask(question)?);
    }
    Ok(())
}

/// Asks until there is an answer that can be taken, as often as the question's `retry` says.
fn ask(question: &Question) -> Result<String, Failure> {
    let mut left = question.ask.retry;
    loop {
        let answer = ask_once(question)?;
        let Err(problem) = question.check(&answer) else { return Ok(answer) };
        if let AnswerError::Regex { .. } = problem {
            return Err(Failure::Unanswered { key: question.key.clone(), problem });
        }
        eprint_line(&causes(&problem));
        match left.map(|left| left.checked_sub(1)) {
            Some(None) => return Err(Failure::Unanswered { key: question.key.clone(), problem }),
            Some(fewer) => left = fewer,
            None => {}
        }
    }
}

fn ask_once(question: &Question) -> Result<String, Failure> {
    let ask = &question.ask;
    let default = ask.default.as_deref();
    let words = words(question);
    if question.is_secret() && ask.kind != AskKind::Multiline {
        let typed = prompt::secret(&words)?.expose_secret().to_owned();
        return Ok(if typed.is_empty() { default.unwrap_or_default().to_owned() } else { typed });
    }
    match ask.kind {
        AskKind::Bool => {
            let default = default.map(|default| matches!(&*default.to_lowercase(), "true" | "1"));
            Ok(prompt::confirm(&words, default)?.to_string())
        }
        AskKind::Dropdown if !ask.choices.is_empty() => {
            let shown: Vec<_> = ask.choices.iter().map(|choice| printable(choice)).collect();
            let default = default.map(printable);
            let chosen = prompt::choose(&words, shown.clone(), default.as_deref())?;
            let at = shown.iter().position(|choice| *choice == chosen);
            Ok(at.and_then(|at| ask.choices.get(at)).cloned().unwrap_or(chosen))
        }
        AskKind::Multiline => lines(&words, default),
        _ => {
            // One that would steer the terminal is not shown.
            let shown = default.filter(|default| !default.is_empty() && printable(default) == *default);
            let typed = prompt::text(&words, shown, |_| Ok(()))?;
            Ok(if typed.is_empty() { default.unwrap_or_default().to_owned() } else { typed })
        }
    }
}

/// Lines up to an empty one, as HRD keeps them.
fn lines(words: &str, default: Option<&str>) -> Result<String, Failure> {
    let mut text = String::new();
    loop {
        let line = prompt::text(if text.is_empty() { words } else { ".." }, None, |_| Ok(()))?;
        if line.trim().is_empty() {
            break;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Ok(if text.is_empty() { default.unwrap_or_default().to_owned() } else { text })
}

/// What is asked: the key, what its recipe says of it, and how the answer is written.
fn words(question: &Question) -> String {
    let ask = &question.ask;
    let about = ask.description.as_ref().or(ask.name.as_ref()).filter(|about| !about.trim().is_empty());
    let about = about.map(|about| format!(" - {}", about.split_whitespace().collect::<Vec<_>>().join(" ")));
    let how = match ask.kind {
        AskKind::List => " (a, b, c)",
        AskKind::Dict => " (key:value, key2:value2)",
        AskKind::Multiline => " (an empty line ends it)",
        _ => "",
    };
    printable(&format!("{}{}{how}", question.key, about.unwrap_or_default())).replace(['\n', '\t'], " ")
}
