//! What was changed here, committed and pushed.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use git2::{Config, Direction, Index, Oid, PushOptions, RemoteConnection, Repository, Signature};

use crate::access::Access;
use crate::branch::{Branch, BranchError, Opened, distance};
use crate::changes::Changes;
use crate::remote::{Link, proxy};
use crate::remote_error::RemoteError;
use crate::status::{changed, meaning};

/// What a save takes; all else stays as it is.
const SAVED: [&str; 4] = ["servicetemplates", "services", "ays.toml", "known_hosts"];

/// Why it was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The clone does not allow it.
    #[error(transparent)]
    Branch(#[from] BranchError),
    /// The remote could not be reached; nothing was committed.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The author has no name or address that git takes.
    #[error("`{name} <{email}>` is no author: git config user.name NAME, git config user.email ADDRESS")]
    Author {
        /// The name.
        name: String,
        /// The address.
        email: String,
    },
    /// The remote has commits that are not here; nothing was committed.
    #[error("`{upstream}` has commits that are not here: ays env pull brings them, then ays env save again")]
    Behind {
        /// `origin/main`
        upstream: String,
    },
    /// The remote did not want it.
    #[error(
        "`{upstream}` refused it:\n{said}\nIt is kept here as {commit}: when the cause is gone, ays env save pushes it"
    )]
    Rejected {
        /// `origin/main`
        upstream: String,
        /// What it said.
        said: String,
        /// The commit.
        commit: String,
    },
    /// It was committed, and the push did not end.
    #[error("it is kept here as {commit}, and was not pushed: ays env save does that")]
    NotPushed {
        /// The commit.
        commit: String,
        /// Why.
        source: Box<RemoteError>,
    },
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The address of mail.
    pub email: String,
}

/// The author that git's configuration names, in a repository or outside of any.
pub fn author(dir: &Path) -> Option<Author> {
    let config = Repository::open(dir).and_then(|repository| repository.config());
    let config = config.or_else(|_| Config::open_default()).ok()?;
    let text = |key| config.get_string(key).ok().filter(|text| !text.trim().is_empty());
    Some(Author { name: text("user.name")?, email: text("user.email")? })
}

/// Keeps an author in this clone's own configuration.
pub fn set_author(root: &Path, author: &Author) -> Result<(), BranchError> {
    let opened = Opened::new(root)?;
    let set = opened.repository.config().and_then(|mut config| {
        config.set_str("user.name", &author.name)?;
        config.set_str("user.email", &author.email)
    });
    set.map_err(|error| opened.git(error))
}

/// What is not saved yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// Files to be committed.
    pub paths: Vec<PathBuf>,
    /// What they mean.
    pub changes: Changes,
    /// Changed files that a save leaves alone.
    pub others: Vec<PathBuf>,
    /// Commits that were not pushed, as far as is known here.
    pub commits: usize,
}

/// Looks at what a save would do; the remote is not asked.
pub fn unsaved(root: &Path) -> Result<Unsaved, SaveError> {
    let opened = Opened::new(root)?;
    opened.is_at_rest()?;
    let branch = opened.branch()?;
    // A directory that is a repository of its own would become a link to nowhere.
    let is_own = |path: &PathBuf| path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let mut paths = changed(&opened, &SAVED)?;
    paths.retain(|path| !is_own(path));
    let mut others = changed(&opened, &[])?;
    others.retain(|path| is_own(path) || !paths.contains(path));
    let commits = match (opened.upstream(&branch), branch.head) {
        (_, None) => 0,
        (Some(upstream), head) => distance(&opened, head, upstream)?.0,
        (None, Some(head)) => distance(&opened, None, head)?.1,
    };
    Ok(Unsaved { changes: meaning(&opened, branch.head, &paths)?, paths, others, commits })
}

/// What a commit says.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// What was done.
    pub message: &'a str,
    /// Who did it.
    pub author: &'a Author,
}

/// What was saved.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Saved {
    /// The branch.
    pub branch: String,
    /// Where it was pushed to, as `origin/main`.
    pub upstream: String,
    /// The commit that both have now.
    pub commit: String,
    /// What was committed.
    pub changes: Changes,
}

/// Commits the `unsaved` files where there is a commit to be made, and pushes the branch.
///
/// The remote is asked first: when it has more than is here, nothing is committed.
pub fn save(
    root: &Path,
    unsaved: &Unsaved,
    commit: Option<Commit<'_>>,
    access: &Access,
) -> Result<Saved, SaveError> {
    let opened = Opened::new(root)?;
    opened.is_at_rest()?;
    let branch = opened.branch()?;
    let signature = commit.map(|Commit { author, .. }| signature(author)).transpose()?;
    let address = opened.push_to(&branch)?;
    let link = Link::new(&address, &opened.repository, access)?;
    let push = Push { opened: &opened, branch: &branch, link: &link };
    link.connected(&opened.repository, Direction::Push, |connection| {
        push.is_ahead(connection)?;
        let made = match (commit, &signature) {
            (Some(Commit { message, .. }), Some(signature)) => Some(
                make(&opened, &branch, &unsaved.paths, message, signature)
                    .map_err(|error| opened.git(error))?,
            ),
            _ => branch.head,
        };
        let Some(made) = made else { return Err(BranchError::NoCommit.into()) };
        push.run(connection, made)?;
        Ok(Saved {
            branch: branch.name.clone(),
            upstream: push.upstream(),
            commit: made.to_string(),
            changes: if commit.is_some() { unsaved.changes.clone() } else { Changes::new() },
        })
    })
}

pub(crate) fn signature(author: &Author) -> Result<Signature<'static>, SaveError> {
    Signature::now(&author.name, &author.email)
        .map_err(|_| SaveError::Author { name: author.name.clone(), email: author.email.clone() })
}

/// Commits these files, and nothing else that may be staged.
pub(crate) fn make(
    opened: &Opened,
    branch: &Branch,
    paths: &[PathBuf],
    message: &str,
    author: &Signature<'_>,
) -> Result<Oid, git2::Error> {
    let repository = &opened.repository;
    let parent = branch.head.map(|head| repository.find_commit(head)).transpose()?;
    let mut index = repository.index()?;
    let mut only = Index::new()?;
    if let Some(parent) = &parent {
        only.read_tree(&parent.tree()?)?;
    }
    for path in paths {
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
    let message = format!("{}\n", message.trim());
    repository.commit(Some("HEAD"), author, author, &message, &tree, &parent.iter().collect::<Vec<_>>())
}

struct Push<'a> {
    opened: &'a Opened,
    branch: &'a Branch,
    link: &'a Link<'a>,
}

impl Push<'_> {
    fn upstream(&self) -> String {
        format!("{}/{}", self.branch.remote, self.branch.upstream)
    }

    /// The remote may have nothing that is not here.
    fn is_ahead(&self, connection: &RemoteConnection<'_, '_, '_>) -> Result<(), SaveError> {
        let name = format!("refs/heads/{}", self.branch.upstream);
        let heads = connection.list().map_err(|error| self.link.error(error))?;
        let Some(there) = heads.iter().find(|head| head.name() == name).map(git2::RemoteHead::oid) else {
            return Ok(());
        };
        let repository = &self.opened.repository;
        let is_here = self.branch.head.is_some_and(|head| {
            head == there || repository.graph_descendant_of(head, there).unwrap_or(false)
        });
        if is_here { Ok(()) } else { Err(SaveError::Behind { upstream: self.upstream() }) }
    }

    fn run(&self, connection: &mut RemoteConnection<'_, '_, '_>, commit: Oid) -> Result<(), SaveError> {
        let rejected = RefCell::new(None);
        let mut callbacks = self.link.callbacks();
        callbacks.push_update_reference(|_, status| {
            *rejected.borrow_mut() = status.map(str::to_owned);
            Ok(())
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks).proxy_options(proxy());
        let refspec = format!("refs/heads/{}:refs/heads/{}", self.branch.name, self.branch.upstream);
        let pushed = connection.remote().push(&[refspec], Some(&mut options));
        drop(options);
        let kept = commit.to_string();
        if let Err(error) = pushed {
            return Err(SaveError::NotPushed { commit: kept, source: Box::new(self.link.error(error)) });
        }
        if let Some(status) = rejected.take() {
            let said = [self.link.told(), status].join("\n").trim().replace('\n', "\n  ");
            return Err(SaveError::Rejected {
                upstream: self.upstream(),
                said: format!("  {said}"),
                commit: kept,
            });
        }
        self.remember(commit).map_err(|error| self.opened.git(error).into())
    }

    /// Notes what the remote has now, and whose it is.
    fn remember(&self, commit: Oid) -> Result<(), git2::Error> {
        let repository = &self.opened.repository;
        repository.reference(&format!("refs/remotes/{}", self.upstream()), commit, true, "ays: push")?;
        let mut branch = repository.find_branch(&self.branch.name, git2::BranchType::Local)?;
        match branch.upstream() {
            Ok(_) => Ok(()),
            Err(_) => branch.set_upstream(Some(&self.upstream())),
        }
    }
}
