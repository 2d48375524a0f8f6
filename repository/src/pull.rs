//! What is new at the remote, brought here: forward only, and past no change that is only here.

use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{Delta, Diff, Direction, ObjectType, Oid, StatusOptions, Tree};

use crate::access::Access;
use crate::branch::{Branch, BranchError, Opened, distance};
use crate::changes::{Changes, State, changes, path_of};
use crate::remote::Link;
use crate::remote_error::RemoteError;

/// Why nothing was pulled. What is here is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The clone does not allow it.
    #[error(transparent)]
    Branch(#[from] BranchError),
    /// The remote could not be read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The remote does not have the branch.
    #[error("`{remote}` has no branch `{upstream}` yet: ays env save makes it")]
    NoUpstream {
        /// The remote.
        remote: String,
        /// The branch.
        upstream: String,
    },
    /// Both sides have commits that the other one lacks.
    #[error(
        "this clone and `{upstream}` have both gone on ({ahead} here, {behind} there): git pull --rebase puts what is from \
         here on top, then ays env save pushes it"
    )]
    Diverged {
        /// How many are only here.
        ahead: usize,
        /// How many are only there.
        behind: usize,
        /// `origin/main`
        upstream: String,
    },
    /// Files that would be changed have changes that are only here.
    #[error(
        "local changes are in the way of what is new:{}\ngit stash -a puts them aside (git stash pop brings them back), \
         git checkout -- FILE drops them; one that git does not know can be moved away",
        paths.iter().map(|path| format!("\n  {}", path.display())).collect::<String>()
    )]
    LocalChanges {
        /// The files.
        paths: Vec<PathBuf>,
    },
}

/// What a pull brought.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pulled {
    /// The branch.
    pub branch: String,
    /// The commit that is checked out now.
    pub commit: String,
    /// How many commits came.
    pub commits: usize,
    /// How many are only here, and were not pushed.
    pub ahead: usize,
    /// What they changed.
    pub changes: Changes,
}

/// Asks the remote what it has, and changes nothing else.
pub fn fetch(root: &Path, access: &Access) -> Result<(), PullError> {
    let opened = Opened::new(root)?;
    let branch = opened.branch()?;
    fetched(&opened, &branch, access)
}

/// Brings the branch that is checked out to where the remote has it.
///
/// First objects come, then files are changed, then the branch is: stopped anywhere, the next one goes on.
pub fn pull(root: &Path, access: &Access) -> Result<Pulled, PullError> {
    let opened = Opened::new(root)?;
    opened.is_at_rest()?;
    let branch = opened.branch()?;
    fetched(&opened, &branch, access)?;
    let new = opened.upstream(&branch).ok_or_else(|| PullError::NoUpstream {
        remote: branch.remote.clone(),
        upstream: branch.upstream.clone(),
    })?;
    let (ahead, behind) = distance(&opened, branch.head, new)?;
    if ahead > 0 && behind > 0 {
        let upstream = format!("{}/{}", branch.remote, branch.upstream);
        return Err(PullError::Diverged { ahead, behind, upstream });
    }
    let commit = if ahead > 0 { branch.head.unwrap_or(new) } else { new };
    let changes = if behind > 0 { forward(&opened, &branch, new)? } else { Changes::new() };
    Ok(Pulled { branch: branch.name, commit: commit.to_string(), commits: behind, ahead, changes })
}

fn fetched(opened: &Opened, branch: &Branch, access: &Access) -> Result<(), PullError> {
    let (address, specs) = opened.fetch_from(branch)?;
    let link = Link::new(&address, &opened.repository, access)?;
    let fetch =
        link.connected(&opened.repository, Direction::Fetch, |connection| link.fetch(connection, &specs));
    Ok(fetch?)
}

/// Changes the files from the branch's commit to `new`, then the branch.
fn forward(opened: &Opened, branch: &Branch, new: Oid) -> Result<Changes, PullError> {
    let git = |error| opened.git(error);
    let repository = &opened.repository;
    let tree = |commit: Oid| repository.find_commit(commit).and_then(|commit| commit.tree());
    let new_tree = tree(new).map_err(git)?;
    let old_tree = branch.head.map(tree).transpose().map_err(git)?;
    let diff = repository.diff_tree_to_tree(old_tree.as_ref(), Some(&new_tree), None).map_err(git)?;
    // Without a path all would be looked at.
    let in_the_way = match diff.deltas().len() {
        0 => Vec::new(),
        _ => in_the_way(opened, &diff, &new_tree).map_err(git)?,
    };
    if !in_the_way.is_empty() {
        return Err(PullError::LocalChanges { paths: in_the_way });
    }
    let paths: Vec<PathBuf> = touched(&diff).map(|(path, _)| path.to_owned()).collect();
    let mut checkout = CheckoutBuilder::new();
    // Only what was looked at; forced, since files that a stopped pull has changed are not as the branch has them.
    checkout.force().disable_pathspec_match(true);
    for path in &paths {
        checkout.path(path.as_path());
    }
    if !paths.is_empty() {
        repository.checkout_tree(new_tree.as_object(), Some(&mut checkout)).map_err(git)?;
    }
    let name = format!("refs/heads/{}", branch.name);
    let words = "ays: pull";
    match branch.head {
        Some(old) => repository.reference_matching(&name, new, true, old, words).map(drop),
        None => repository.reference(&name, new, false, words).map(drop),
    }
    .map_err(git)?;
    let (old, new) = (State::Tree(old_tree.as_ref()), State::Tree(Some(&new_tree)));
    Ok(changes(&old, &new, paths.iter().map(PathBuf::as_path)))
}

/// The paths that differ.
fn touched<'a>(diff: &'a Diff<'_>) -> impl Iterator<Item = (&'a Path, Delta)> {
    diff.deltas().filter_map(|delta| {
        let file = if delta.status() == Delta::Deleted { delta.old_file() } else { delta.new_file() };
        Some((file.path()?, delta.status()))
    })
}

/// The files here that `diff` would change, and that are neither as the branch has them nor as `new` does.
fn in_the_way(opened: &Opened, diff: &Diff<'_>, new: &Tree<'_>) -> Result<Vec<PathBuf>, git2::Error> {
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true);
    // They are nobody's but the user's.
    options.include_ignored(true).recurse_ignored_dirs(true);
    options.disable_pathspec_match(true);
    let mut found = Vec::new();
    for (path, _) in touched(diff) {
        options.pathspec(path);
        found.extend(files_above(&opened.root, path, diff));
    }
    for entry in opened.repository.statuses(Some(&mut options))?.iter() {
        let path = path_of(&entry);
        if !is_as_in(&opened.root, &path, new) {
            found.push(path);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// A file or link where a directory would have to be.
fn files_above(root: &Path, path: &Path, diff: &Diff<'_>) -> Option<PathBuf> {
    let above = path.ancestors().skip(1).filter(|dir| *dir != Path::new(""));
    let mut files = above.filter(|dir| root.join(dir).symlink_metadata().is_ok_and(|found| !found.is_dir()));
    files
        // One that the remote replaces is looked at for itself.
        .find(|file| !touched(diff).any(|(path, _)| path == *file))
        .map(Path::to_owned)
}

/// Whether a file is what the tree has: a pull that was stopped may have put it there.
fn is_as_in(root: &Path, path: &Path, tree: &Tree<'_>) -> bool {
    let here = root.join(path);
    match (tree.get_path(path), here.symlink_metadata()) {
        (Ok(entry), Ok(found)) => {
            found.is_file() && Oid::hash_file(ObjectType::Blob, &here).is_ok_and(|hash| hash == entry.id())
        }
        (Err(_), Err(_)) => true,
        _ => false,
    }
}
