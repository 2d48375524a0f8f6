//! A remote, a colleague's clone and ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ays_model::NewHostKeys;
use ays_repository::{self as git, Access, Address, CloneError, Commit, PullError, Saved, Status};
use tempfile::TempDir;

/// A remote, the clone of a colleague, and a place for ours.
pub struct Scene {
    dir: TempDir,
}

impl Scene {
    pub fn new() -> Self {
        let scene = Self { dir: tempfile::tempdir().unwrap() };
        git_in(scene.dir(), &["init", "-q", "--bare", "-b", "main", "g8.git"]);
        git_in(scene.dir(), &["clone", "-q", "g8.git", "colleague"]);
        scene.theirs("servicetemplates/image_a/service.hrd", "a = 1\n");
        scene.theirs("servicetemplates/image_b/services.hrd", "b = 1\n");
        scene.theirs("services/jumpscale__node.ssh__n1/service.hrd", "instance.ip = h\n");
        scene.theirs("notes.md", "x\n");
        scene.push();
        scene
    }

    /// With a clone of ours.
    pub fn cloned() -> Self {
        let scene = Self::new();
        scene.clone().unwrap();
        git_in(&scene.ours(""), &["config", "user.name", "us"]);
        git_in(&scene.ours(""), &["config", "user.email", "us@example.org"]);
        scene
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn remote(&self) -> Address {
        Address::parse(self.dir().join("g8.git").to_str().unwrap()).unwrap()
    }

    pub fn ours(&self, path: &str) -> PathBuf {
        let root = self.dir().join("ours");
        if path.is_empty() { root } else { root.join(path) }
    }

    pub fn clone(&self) -> Result<git::Cloned, CloneError> {
        git::clone(&self.remote(), &self.ours(""), &access())
    }

    pub fn pull(&self) -> Result<git::Pulled, PullError> {
        git::pull(&self.ours(""), &access())
    }

    pub fn save(&self, message: &str) -> Result<Saved, git::SaveError> {
        let unsaved = git::unsaved(&self.ours(""))?;
        let author = git::author(&self.ours("")).unwrap();
        let commit = Commit { message, author: &author };
        let commit = (!unsaved.paths.is_empty()).then_some(commit);
        git::save(&self.ours(""), &unsaved, commit, &access())
    }

    pub fn status(&self) -> Status {
        git::status(&self.ours("")).unwrap()
    }

    /// Writes a file of ours.
    pub fn write(&self, path: &str, text: &str) {
        write(&self.ours(path), text);
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.ours(path)).unwrap()
    }

    /// Writes a file of the colleague's; an empty text removes it.
    pub fn theirs(&self, path: &str, text: &str) {
        let path = self.dir().join("colleague").join(path);
        if text.is_empty() { fs::remove_file(path).unwrap() } else { write(&path, text) }
    }

    /// Commits and pushes what the colleague did; gives the commit.
    pub fn push(&self) -> String {
        let colleague = self.dir().join("colleague");
        git_in(&colleague, &["add", "-A"]);
        git_in(&colleague, &["commit", "-q", "-m", "theirs"]);
        git_in(&colleague, &["push", "-q", "origin", "HEAD:main"]);
        git_in(&colleague, &["rev-parse", "HEAD"])
    }

    pub fn git(&self, args: &[&str]) -> String {
        git_in(&self.ours(""), args)
    }

    /// What the directory beside the clones holds.
    pub fn beside(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub fn git_in(dir: &Path, args: &[&str]) -> String {
    let output = git_tries(dir, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Runs git, which may fail.
pub fn git_tries(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.current_dir(dir).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
    for name in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"] {
        command.env(name, "colleague");
    }
    // The same is done twice, and shall be the same commit.
    for name in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
        command.env(name, "2026-01-01T00:00:00Z");
    }
    command.output().unwrap()
}

pub fn access() -> Access {
    Access {
        home: PathBuf::from("/nonexistent"),
        ssh_agent: false,
        token: None,
        ask: None,
        new_host_keys: NewHostKeys::Refuse,
        stop: Arc::new(AtomicBool::new(false)),
        progress: Box::new(|_| {}),
    }
}

/// An error and what caused it, a line for each.
pub fn chain(error: &dyn std::error::Error) -> String {
    let more = error.source().map(|source| format!("\n{}", chain(source)));
    format!("{error}{}", more.unwrap_or_default())
}
