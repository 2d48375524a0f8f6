//! An environment in a temporary directory.

use std::path::{Path, PathBuf};

use ays_lint::Mistake;
use ays_model::Finding;
use ays_recipes::{Environment, EnvironmentError, Layers};
use tempfile::TempDir;

pub struct Repository(TempDir);

impl Repository {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let repository = Self(directory);
        let git = std::process::Command::new("git").args(["init", "-q"]).arg(repository.root()).status();
        assert!(git.expect("git").success());
        std::fs::create_dir(repository.root().join("servicetemplates")).expect("a directory");
        repository
    }

    /// Its directory, whose name is the environment's.
    fn root(&self) -> PathBuf {
        self.0.path().join("environment")
    }

    pub fn write(&self, file: &str, bytes: &[u8]) {
        let path = self.root().join(file);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(path, bytes).expect("a file");
    }

    pub fn copy(&self, from: &Path, to: &str) {
        for entry in std::fs::read_dir(from).expect("a directory") {
            let path = entry.expect("an entry").path();
            // What a case's mistakes are is no part of it.
            if path.ends_with("expected") {
                continue;
            }
            let name = format!("{to}{}", path.file_name().expect("a name").to_str().expect("text"));
            if path.is_dir() {
                self.copy(&path, &format!("{name}/"));
            } else {
                self.write(&name, &std::fs::read(&path).expect("a file"));
            }
        }
    }

    pub fn environment(&self) -> Result<Environment, EnvironmentError> {
        Environment::find(&self.root(), &Layers::default())
    }

    /// What is found, as the fixtures write it.
    pub fn lint(&self) -> String {
        let found = match self.environment() {
            Ok(environment) => ays_lint::lint(&environment),
            Err(EnvironmentError::Settings(error)) => {
                let root = self.root().canonicalize().expect("a directory");
                ays_lint::lint_without_settings(&root, error).expect("the environment's own settings")
            }
            Err(error) => panic!("{error}"),
        };
        found.iter().map(shown).collect()
    }
}

fn shown(mistake: &Mistake) -> String {
    let Mistake { finding: Finding { code, severity, message, cure }, file, line, column, .. } = mistake;
    format!("{file}:{line}:{column}: {severity}[{code}] {message}\n    {cure}\n")
}
