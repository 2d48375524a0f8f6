//! What the documents show is true, and the package is whole.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a script of ours with the binary under test; what it printed.
fn script(name: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(root.join("scripts").join(name))
        .args(arguments)
        .current_dir(root)
        .env("AYS", env!("CARGO_BIN_EXE_ays"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{name}: {said}{}", String::from_utf8_lossy(&ran.stderr));
    said
}

#[test]
fn the_commands_that_the_documents_show_work() {
    script("check-docs", &[]);
}

#[test]
fn the_package_installs_runs_and_goes() {
    let made = script("package", &["--fast"]);
    let package = PathBuf::from(made.lines().last().expect("a path"));
    assert!(package.is_file() || Path::new(env!("CARGO_MANIFEST_DIR")).join(&package).is_file(), "{made}");
    script("check-package", &[package.to_str().unwrap()]);
}
