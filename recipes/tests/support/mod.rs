//! An environment repository in a temporary directory.

use std::path::PathBuf;
use std::process::Command;

use ays_recipes::{Answers, Dependencies, Environment, Layers, Recipe, RecipeError, Request, Stored};
use tempfile::TempDir;

pub struct Repository(TempDir);

impl Repository {
    pub fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        std::fs::create_dir(repository.path("servicetemplates")).unwrap();
        repository
    }

    pub fn path(&self, below: &str) -> PathBuf {
        let root = self.0.path().canonicalize().unwrap();
        if below.is_empty() { root } else { root.join(below) }
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn git(&self, args: &[&str]) {
        let identity = ["-c", "user.name=author", "-c", "user.email=author@example.org"];
        let status =
            Command::new("git").current_dir(self.0.path()).args(identity).args(args).status().unwrap();
        assert!(status.success(), "git {args:?}");
    }

    pub fn environment(&self) -> Environment {
        Environment::find(self.0.path(), &Layers::default()).unwrap()
    }

    /// The recipe of a template, with what an operator gives as `--data`.
    #[allow(dead_code, reason = "each test binary uses a part of this module")]
    pub fn recipe(&self, template: &str, data: &str) -> Result<Recipe, RecipeError> {
        let environment = self.environment();
        Recipe::read(&environment, environment.template(template).unwrap(), &request(data, &[]))
    }
}

/// A request for the instance `main` on these nodes.
#[allow(dead_code, reason = "each test binary uses a part of this module")]
pub fn request(data: &str, nodes: &[&str]) -> Request {
    Request {
        instance: "main".into(),
        answers: Answers::parse(data).unwrap(),
        dependencies: Dependencies::First,
        nodes: nodes.iter().map(|name| (*name).into()).collect(),
        stored: Stored::Used,
        parent: None,
        seed: None,
    }
}
