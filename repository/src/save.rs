//! What was changed here, committed and pushed.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use git2::{Config, Direction, Oid, Repository, Signature};

use crate::access::Access;
use crate::address::Address;
use crate::branch::{Branch, BranchError, Opened, distance};
use crate::changes::Changes;
use crate::commit::Draft;
use crate::differing::checked_out;
use crate::filter::unknown_filter;
use crate::git_error::GitError;
use crate::needs;
use crate::remote::{Connection, Link};
use crate::remote_error::RemoteError;
use crate::status::{changed, meaning};
use crate::user_git::{UserGit, UserGitError};

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
    /// A file is to go through a filter that is not set up; nothing was committed.
    #[error(
        "{path} goes through the filter `{filter}` (.gitattributes), which is not set up here: set it up as whoever keeps \
         this repository says (git config filter.{filter}.clean COMMAND), then ays env save again", path = .path.display()
    )]
    Filter {
        /// The file.
        path: PathBuf,
        /// The filter.
        filter: String,
    },
    /// No commit was made: a hook or a filter did not want it, or it could not be signed.
    #[error("nothing was committed")]
    Commit(#[source] GitError),
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
    let mut paths = changed(&opened, &SAVED.map(Path::new))?;
    paths.retain(|path| !is_own(path));
    let paths = checked_out(&opened.root, &opened.repository, paths).map_err(|error| opened.git(error))?;
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
    if commit.is_some() {
        refuse_unknown_filters(&opened, &unsaved.paths)?;
    }
    let address = opened.push_to(&branch)?;
    let link = Link::new(&address, &opened.repository, access)?;
    let push = Push { opened: &opened, branch: &branch, address: &address, link: &link, stop: &access.stop };
    link.connected(&opened.repository, Direction::Push, |connection| {
        let there = push.is_ahead(connection)?;
        let made = match (commit, &signature) {
            (Some(Commit { message, .. }), Some(author)) => {
                let draft = Draft { paths: &unsaved.paths, message, author };
                Some(draft.commit(&opened, &branch, &access.stop).map_err(not_committed)?)
            }
            _ => branch.head,
        };
        let Some(made) = made else { return Err(BranchError::NoCommit.into()) };
        push.run(connection, made, there)?;
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

fn refuse_unknown_filters(opened: &Opened, paths: &[PathBuf]) -> Result<(), SaveError> {
    match unknown_filter(&opened.root, &opened.repository, paths).map_err(|error| opened.git(error))? {
        Some((path, filter)) => Err(SaveError::Filter { path, filter }),
        None => Ok(()),
    }
}

pub(crate) fn not_committed(error: GitError) -> SaveError {
    match error {
        GitError::User(UserGitError::Interrupted) => RemoteError::Interrupted.into(),
        error => SaveError::Commit(error),
    }
}

struct Push<'a> {
    opened: &'a Opened,
    branch: &'a Branch,
    address: &'a Address,
    link: &'a Link<'a>,
    stop: &'a AtomicBool,
}

impl Push<'_> {
    fn upstream(&self) -> String {
        format!("{}/{}", self.branch.remote, self.branch.upstream)
    }

    /// The remote may have nothing that is not here; gives its commit.
    fn is_ahead(&self, connection: &Connection<'_, '_, '_>) -> Result<Option<Oid>, SaveError> {
        let Some(there) = self.link.commit_of(connection, &self.branch.upstream)? else { return Ok(None) };
        let repository = &self.opened.repository;
        let is_here = self.branch.head.is_some_and(|head| {
            head == there || repository.graph_descendant_of(head, there).unwrap_or(false)
        });
        if is_here { Ok(Some(there)) } else { Err(SaveError::Behind { upstream: self.upstream() }) }
    }

    fn run(
        &self,
        connection: &mut Connection<'_, '_, '_>,
        commit: Oid,
        there: Option<Oid>,
    ) -> Result<(), SaveError> {
        let kept = commit.to_string();
        let not_pushed = |source| SaveError::NotPushed { commit: kept.clone(), source: Box::new(source) };
        self.ask_hook(commit, there).map_err(not_pushed)?;
        let refspec = format!("refs/heads/{}:refs/heads/{}", self.branch.name, self.branch.upstream);
        if let Some(said) = self.link.push(connection, &refspec).map_err(not_pushed)? {
            return Err(SaveError::Rejected {
                upstream: self.upstream(),
                said: format!("  {}", said.replace('\n', "\n  ")),
                commit: kept,
            });
        }
        self.remember(commit).map_err(|error| self.opened.git(error).into())
    }

    /// Runs the operator's hook `pre-push` as git does.
    fn ask_hook(&self, commit: Oid, there: Option<Oid>) -> Result<(), RemoteError> {
        let Some(need) = needs::hook(&self.opened.repository, "pre-push") else { return Ok(()) };
        let Branch { name, remote, upstream, .. } = self.branch;
        let there = there.unwrap_or(Oid::ZERO_SHA1);
        if there == commit {
            return Ok(());
        }
        let line = format!("refs/heads/{name} {commit} refs/heads/{upstream} {there}\n");
        let git = UserGit { root: &self.opened.root, need, stop: self.stop };
        let run = ["hook", "run", "--to-stdin=/dev/stdin", "pre-push", "--", remote, self.address.as_str()];
        match git.run(&run, line.as_bytes()) {
            Ok(_) => Ok(()),
            Err(UserGitError::Interrupted) => Err(RemoteError::Interrupted),
            Err(error) => Err(RemoteError::PrePush(error)),
        }
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
