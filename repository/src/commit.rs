//! A commit of certain files, and of nothing else that may be staged.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use git2::{Index, Oid, Signature};

use crate::branch::{Branch, Opened};
use crate::git_error::GitError;
use crate::needs;
use crate::user_git::{UserGit, zero_separated};

/// What a commit is made of.
pub(crate) struct Draft<'a> {
    pub paths: &'a [PathBuf],
    pub message: &'a str,
    pub author: &'a Signature<'static>,
}

impl Draft<'_> {
    /// Makes the commit, and moves the branch to it.
    pub fn commit(&self, opened: &Opened, branch: &Branch, stop: &AtomicBool) -> Result<Oid, GitError> {
        match needs::to_commit(&opened.repository)? {
            Some(need) => self.by_git(opened, &UserGit { root: &opened.root, need, stop }),
            None => Ok(self.by_library(opened, branch)?),
        }
    }

    fn by_git(&self, opened: &Opened, git: &UserGit<'_>) -> Result<Oid, GitError> {
        let paths = zero_separated(self.paths);
        git.run(&["update-index", "--add", "--remove", "--replace", "-z", "--stdin"], &paths)?;
        let name = String::from_utf8_lossy(self.author.name_bytes());
        let email = String::from_utf8_lossy(self.author.email_bytes());
        let identity = [
            ("GIT_AUTHOR_NAME", &*name),
            ("GIT_AUTHOR_EMAIL", &*email),
            ("GIT_COMMITTER_NAME", &*name),
            ("GIT_COMMITTER_EMAIL", &*email),
        ];
        let message = self.message.trim();
        let only = ["--only", "--pathspec-from-file=-", "--pathspec-file-nul"];
        git.run_with(&[&["commit", "-q", "-m", message], &only[..]].concat(), &paths, &identity)?;
        Ok(opened.repository.refname_to_id("HEAD")?)
    }

    fn by_library(&self, opened: &Opened, branch: &Branch) -> Result<Oid, git2::Error> {
        let repository = &opened.repository;
        let parent = branch.head.map(|head| repository.find_commit(head)).transpose()?;
        let mut index = repository.index()?;
        let mut only = Index::new()?;
        if let Some(parent) = &parent {
            only.read_tree(&parent.tree()?)?;
        }
        for path in self.paths {
            if opened.root.join(path).symlink_metadata().is_ok_and(|found| !found.is_dir()) {
                index.add_path(path)?;
                if let Some(entry) = index.get_path(path, 0) {
                    only.add(&entry)?;
                }
            } else {
                index.remove_path(path)?;
                only.remove_path(path)?;
            }
        }
        // First, so that a stop before the commit leaves the files staged, and not the commit undone in the index.
        index.write()?;
        let tree = repository.find_tree(only.write_tree_to(repository)?)?;
        let message = format!("{}\n", self.message.trim());
        let parents: Vec<_> = parent.iter().collect();
        repository.commit(Some("HEAD"), self.author, self.author, &message, &tree, &parents)
    }
}
