//! Programs of the language print what Python prints of them.
//!
//! `fixtures/programs` holds them with what Python 2.7 prints; beside these, programs are made by chance, always the
//! same ones, that Python 2 and 3 agree about, and compared with the `python3` of this machine.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test")]

mod chance;

use std::fs;
use std::path::Path;
use std::process::Command;

use ays_actions::{Action, Outcome, Progress, Script};
use ays_model::Words;

/// What a program prints; an error that ends it is its last line.
fn printed(name: &str, text: &str) -> String {
    let script = match Script::parse(name, text, &|_| None, Words::default(), Vec::new()) {
        Ok(script) => script,
        Err(error) => return format!("SyntaxError: {error}\n"),
    };
    let mut run = script.run("main");
    let (mut out, mut outcome) = (String::new(), Outcome::Done);
    loop {
        match run.resume(outcome) {
            Ok(Progress::Action(Action::Print(line))) => {
                out += &line;
                out += "\n";
                outcome = Outcome::Done;
            }
            Ok(Progress::Action(_)) => outcome = Outcome::Unknown,
            Ok(Progress::Returned(_)) => return out,
            // Python ends without a word.
            Err(error) if error.message().starts_with("SystemExit") => return out,
            Err(error) => return out + error.message() + "\n",
        }
    }
}

#[test]
fn programs_print_what_python_2_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/programs");
    let mut programs: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    programs.retain(|path| path.extension().is_some_and(|ending| ending == "py"));
    programs.sort();
    assert!(programs.len() >= 5);
    let mut failures = String::new();
    for program in programs {
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        let got = printed(&name, &fs::read_to_string(&program).unwrap());
        let wanted = fs::read(program.with_extension("out")).expect("`scripts/programs` writes it");
        let wanted = String::from_utf8_lossy(&wanted);
        for (number, pair) in wanted.lines().zip(got.lines()).enumerate() {
            if pair.0 != pair.1 {
                failures +=
                    &format!("{name}, line {}:\n  wanted {}\n  got    {}\n", number + 1, pair.0, pair.1);
            }
        }
        if wanted.lines().count() != got.lines().count() {
            failures += &format!("{name}: {} lines, not {}\n", got.lines().count(), wanted.lines().count());
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn programs_made_by_chance_print_what_python_3_prints() {
    let programs: Vec<String> = (1..=300).map(chance::program).collect();
    // One start of Python for all: a program is a function, and its output ends with a line of its own.
    let mut all = String::from(
        "def guarded(f):\n    try:\n        f()\n    except Exception as e:\n        print(type(e).__name__)\n    print('--')\n",
    );
    for (index, program) in programs.iter().enumerate() {
        all += &format!("def program_{index}():\n");
        for line in program.lines() {
            all += &format!("    {line}\n");
        }
        all += &format!("guarded(program_{index})\n");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &all).unwrap();
    let output = Command::new("python3").arg(file.path()).output().expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let wanted = String::from_utf8(output.stdout).unwrap();
    let got = printed("chance", &all);
    let (wanted, got): (Vec<_>, Vec<_>) = (wanted.split("--\n").collect(), got.split("--\n").collect());
    for (index, program) in programs.iter().enumerate() {
        assert_eq!(got.get(index), wanted.get(index), "program {}:\n{program}", index + 1);
    }
    assert_eq!(wanted.len(), got.len());
    let longest = wanted.iter().map(|text| text.lines().count()).max().unwrap();
    assert!(longest > 10, "the programs say something");
}
