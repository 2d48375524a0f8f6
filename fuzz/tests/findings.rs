//! Every file in `fixtures/fuzz` once more: what `scripts/fuzz` begins with, and what it found.

use std::fs;
use std::path::{Path, PathBuf};

use ays_fuzz::TARGETS;

#[test]
fn what_was_found_is_found_no_more() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/fuzz");
    for (target, check) in TARGETS {
        let mut files: Vec<PathBuf> =
            fs::read_dir(fixtures.join(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{target} has no fixtures");
        for file in files {
            println!("{}", file.display());
            check(&fs::read(&file).unwrap());
        }
    }
}
