//! A commit of certain files, and of nothing else that may be staged.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
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
        match needs::to_commit(&opened.repository, self.paths)? {
            Some(need) => self.by_git(opened, &UserGit { root: &opened.root, need, stop }),
            None => Ok(self.by_library(opened, branch)?),
        }
    }

    fn by_git(&self, opened: &Opened, git: &UserGit<'_>) -> Result<Oid, GitError> {
        let (here, gone): (Vec<_>, Vec<_>) =
            self.paths.iter().cloned().partition(|path| is_here(&opened.root, path));
        let stdin = ["-z", "--stdin"];
        // First, since a file may be where a directory was.
        git.run(&[&["update-index", "--force-remove"], &stdin[..]].concat(), &zero_separated(&gone))?;
        git.run(&[&["update-index", "--add"], &stdin[..]].concat(), &zero_separated(&here))?;
        let name = String::from_utf8_lossy(self.author.name_bytes());
        let email = String::from_utf8_lossy(self.author.email_bytes());
        let identity = [
            ("GIT_AUTHOR_NAME", &*name),
            ("GIT_AUTHOR_EMAIL", &*email),
            ("GIT_COMMITTER_NAME", &*name),
            ("GIT_COMMITTER_EMAIL", &*email),
        ];
        let message = self.message.trim();
        let mut commit = vec!["commit", "-q", "-m", message];
        // Given paths, git cannot put a directory where a file was; they are only needed to leave out what else is staged.
        if self.is_more_staged(git)? {
            commit.extend(["--only", "--pathspec-from-file=-", "--pathspec-file-nul"]);
        }
        git.run_with(&commit, &zero_separated(self.paths), &identity)?;
        Ok(opened.repository.refname_to_id("HEAD")?)
    }

    fn is_more_staged(&self, git: &UserGit<'_>) -> Result<bool, GitError> {
        let staged = git.run(&["diff", "--cached", "--name-only", "--no-renames", "-z"], &[])?;
        let ours: HashSet<&[u8]> =
            self.paths.iter().map(|path| path.as_os_str().as_encoded_bytes()).collect();
        Ok(staged.split(|byte| *byte == 0).any(|path| !path.is_empty() && !ours.contains(path)))
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
            if is_here(&opened.root, path) {
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

/// Whether there is a file of this path, or a repository of its own. What a link leads to is elsewhere.
fn is_here(root: &Path, path: &Path) -> bool {
    let is_link = |dir: &Path| root.join(dir).symlink_metadata().is_ok_and(|found| found.is_symlink());
    let found = root.join(path);
    !path.ancestors().skip(1).any(is_link)
        && found.symlink_metadata().is_ok_and(|entry| !entry.is_dir() || found.join(".git").exists())
}
