//! What only the operator can say of secrets, asked on the terminal.

use std::sync::{Mutex, PoisonError};

use ays_secrets::{Carrier, CarrierKind, Question, Receiver, Word};

use crate::failure::{Failure, eprint_line};
use crate::prompt;
use crate::render::printable;

/// Asks; what is said is remembered by whoever asked.
pub fn ask(question: &Question<'_>) -> Word {
    // One question at a time.
    static ASKING: Mutex<()> = Mutex::new(());
    let _asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
    let (said, asked) = words(question);
    eprint_line(&said);
    match prompt::confirm(&printable(&asked), Some(false)) {
        Ok(true) => Word::Yes,
        Err(Failure::Interrupted) => Word::Interrupted,
        Ok(false) | Err(_) => Word::No,
    }
}

/// What is known, and what is asked.
fn words(question: &Question<'_>) -> (String, String) {
    let quoted = |names: &[_]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    match question {
        Question::Receiver { asked, secrets, allowed } => {
            let clear = if asked.receiver.is_in_clear() {
                ", in clear text: everybody on the way can read it"
            } else {
                ""
            };
            let by = &asked.by;
            let mut said = format!("{by} sends the secret {} to {}{clear}.", quoted(secrets), asked.receiver);
            if !allowed.is_empty() {
                let allowed: Vec<_> = allowed.iter().map(Receiver::to_string).collect();
                said.push_str(&format!(" So far it may go to {}.", allowed.join(", ")));
            }
            (said, format!("May {} go to {}? It will be remembered.", quoted(secrets), asked.receiver))
        }
        Question::Carrier { asked, carrier } => {
            let Carrier { kind, id, origin } = carrier;
            let said = match kind {
                CarrierKind::Proxy => format!("The repository uses the proxy {id} ({origin})."),
                CarrierKind::Authority => format!("The repository trusts the authority {id} ({origin})."),
                CarrierKind::Node { name } => {
                    format!(
                        "The node {name} was elsewhere when secrets went to it, and is {id} now ({origin})."
                    )
                }
            };
            let names = quoted(&asked.secrets);
            (said, format!("May {names} and other secrets go through it? It will be remembered."))
        }
        Question::Form { name, before, now } => (
            format!(
                "The secrets and the catalogue of `{name}` are those of {before}; this clone is of {now}."
            ),
            "Are both the same repository? It will be remembered.".to_owned(),
        ),
    }
}
