//! `fixtures/lint/<case>/`: an environment with a mistake in it, and in `expected` what is found. A directory that is
//! put there is a new test.

#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use support::Repository;

#[test]
fn every_mistake_is_found_with_its_place_and_cure() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/lint");
    let mut cases: Vec<_> =
        std::fs::read_dir(fixtures).expect("the fixtures").map(|case| case.expect("a case").path()).collect();
    cases.sort();
    let mut differences = Vec::new();
    let mut met = BTreeSet::new();
    for case in &cases {
        let repository = Repository::new();
        repository.copy(case, "");
        let found = repository.lint();
        met.extend(
            ays_lint::CODES.iter().map(|code| code.name).filter(|name| found.contains(&format!("[{name}]"))),
        );
        if std::fs::read_to_string(case.join("expected")).unwrap_or_default() != found {
            let name = case.file_name().expect("a name").display();
            differences.push(format!("=== {name}/expected would be\n{found}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join(""));
    assert!(cases.len() >= 60, "{} cases", cases.len());
    // Sources are asked elsewhere, and a file that cannot be opened is none that git keeps.
    let missing: Vec<_> =
        ays_lint::CODES.iter().map(|code| code.name).filter(|name| !met.contains(name)).collect();
    assert_eq!(missing, ["source-refused", "source-silent", "source-no-image", "unreadable"]);
}
