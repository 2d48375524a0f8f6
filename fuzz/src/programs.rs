//! Programs of the language of `actions.py`: whatever is written, and whatever a node answers, a walk ends, with an error
//! that can be shown.

use ays_actions::{Action, Outcome, Progress, Run, Script};
use ays_model::{FileAction, NodeAction, Words};

/// How many actions are answered.
const ANSWERS: usize = 200;

/// See the module. The first byte says what the node answers.
pub fn check(data: &[u8]) {
    let Some((answers, program)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(program) else { return };
    let Ok(script) = Script::parse("fuzz", text, &|_| None, Words::default(), Vec::new()) else { return };
    for method in ["configure", "stop"] {
        for left_out in script.unsupported(method) {
            crate::diagnostic::check(left_out.error(), text);
        }
        walk(script.run(method), *answers, text);
    }
}

fn walk(mut run: Run, answers: u8, text: &str) {
    let mut outcome = Outcome::Done;
    for _ in 0..ANSWERS {
        match run.resume(outcome) {
            Ok(Progress::Action(action)) => {
                let _ = (run.shown(), run.depends_on(), run.wrong("here"));
                outcome = if answers.is_multiple_of(2) { Outcome::Unknown } else { answer(&action, answers) };
            }
            Ok(Progress::Returned(_)) => return,
            Err(error) => return crate::diagnostic::check(&error, text),
        }
    }
}

fn answer(action: &Action, answers: u8) -> Outcome {
    match action {
        Action::Node(NodeAction::Execute(_)) => Outcome::Ran {
            code: i32::from(answers / 64),
            stdout: b"a b\nc\n".to_vec(),
            stderr: vec![answers],
        },
        Action::Node(NodeAction::File(FileAction::Read { .. })) => Outcome::Bytes(vec![b'x', answers, b'\n']),
        Action::Node(NodeAction::File(FileAction::List { .. })) => {
            Outcome::Paths(vec!["/a".to_owned(), "/b.conf".to_owned()])
        }
        Action::Node(NodeAction::File(FileAction::Look { .. })) => Outcome::Found(None),
        Action::Node(NodeAction::Pids(_)) => Outcome::Pids(vec![1, 2]),
        _ if answers & 8 != 0 => Outcome::Failed("no".to_owned()),
        _ => Outcome::Done,
    }
}
