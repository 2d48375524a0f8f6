//! What is new at the remote, brought here: forward only, and past no change that is only here.

use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{Delta, Diff, Direction, ObjectType, Oid, Tree};

use crate::access::Access;
use crate::branch::{Branch, BranchError, Opened, distance};
use crate::changes::{Changes, State, changes};
use crate::differing::{Purpose, differing};
use crate::git_error::GitError;
use crate::needs;
use crate::remote::Link;
use crate::remote_error::RemoteError;
use crate::user_git::{UserGit, UserGitError, zero_separated};

/// Why nothing was pulled. What is here is as it was, except where git could not check it out.
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
    /// git did not check out what came, such as when a filter failed. The branch is where it was.
    #[error("what is new came, and could not be checked out")]
    Files(#[source] UserGitError),
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
    let changes = if behind > 0 { forward(&opened, &branch, new, access)? } else { Changes::new() };
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
fn forward(opened: &Opened, branch: &Branch, new: Oid, access: &Access) -> Result<Changes, PullError> {
    let git = |error| opened.git(error);
    let repository = &opened.repository;
    let tree = |commit: Oid| repository.find_commit(commit).and_then(|commit| commit.tree());
    let new_tree = tree(new).map_err(git)?;
    let old_tree = branch.head.map(tree).transpose().map_err(git)?;
    let diff = repository.diff_tree_to_tree(old_tree.as_ref(), Some(&new_tree), None).map_err(git)?;
    let need = needs::to_check_out(repository, &new_tree, "post-merge").map_err(git)?;
    let by_git = need.map(|need| UserGit { root: &opened.root, need, stop: &access.stop });
    let changed =
        changed_here(opened, &diff, &new_tree, by_git.as_ref()).map_err(|error| opened.git(error))?;
    if !changed.in_the_way.is_empty() {
        return Err(PullError::LocalChanges { paths: changed.in_the_way });
    }
    let paths: Vec<PathBuf> = touched(&diff).map(|(path, _)| path.to_owned()).collect();
    match by_git {
        Some(git) => forward_by_git(&git, new, &changed.already_new)?,
        None => forward_by_library(opened, branch, new, &paths).map_err(git)?,
    }
    let (old, new) = (State::Tree(old_tree.as_ref()), State::Tree(Some(&new_tree)));
    Ok(changes(&old, &new, paths.iter().map(PathBuf::as_path)))
}

fn forward_by_git(git: &UserGit<'_>, new: Oid, already_new: &[PathBuf]) -> Result<(), PullError> {
    let forward = || {
        if !already_new.is_empty() {
            // git goes past a file that is as `new` has it only where the index says so too.
            let stage = ["update-index", "--add", "--remove", "--replace", "-z", "--stdin"];
            git.run(&stage, &zero_separated(already_new))?;
        }
        let new = new.to_string();
        let careful = ["--no-overwrite-ignore", "--no-autostash", "--no-stat"];
        git.run(&[&["merge", "-q", "--ff-only"], &careful[..], &[&new]].concat(), &[])
    };
    match forward() {
        Ok(_) => Ok(()),
        Err(UserGitError::Interrupted) => Err(RemoteError::Interrupted.into()),
        Err(error) => Err(PullError::Files(error)),
    }
}

fn forward_by_library(
    opened: &Opened,
    branch: &Branch,
    new: Oid,
    paths: &[PathBuf],
) -> Result<(), git2::Error> {
    let repository = &opened.repository;
    let mut checkout = CheckoutBuilder::new();
    // Only what was looked at; forced, since files that a stopped pull has changed are not as the branch has them.
    checkout.force().disable_pathspec_match(true);
    for path in paths {
        checkout.path(path.as_path());
    }
    // Without a path all files would be taken.
    if !paths.is_empty() {
        let tree = repository.find_commit(new)?.tree()?;
        repository.checkout_tree(tree.as_object(), Some(&mut checkout))?;
    }
    let name = format!("refs/heads/{}", branch.name);
    let words = "ays: pull";
    match branch.head {
        Some(old) => repository.reference_matching(&name, new, true, old, words).map(drop),
        None => repository.reference(&name, new, false, words).map(drop),
    }
}

/// The paths that differ.
fn touched<'a>(diff: &'a Diff<'_>) -> impl Iterator<Item = (&'a Path, Delta)> {
    diff.deltas().filter_map(|delta| {
        let file = if delta.status() == Delta::Deleted { delta.old_file() } else { delta.new_file() };
        Some((file.path()?, delta.status()))
    })
}

/// The files here that `diff` would change, and that are not as the branch has them.
#[derive(Default)]
struct ChangedHere {
    in_the_way: Vec<PathBuf>,
    /// As the new commit has them: a pull that was stopped may have put them there.
    already_new: Vec<PathBuf>,
}

fn changed_here(
    opened: &Opened,
    diff: &Diff<'_>,
    new: &Tree<'_>,
    by_git: Option<&UserGit<'_>>,
) -> Result<ChangedHere, GitError> {
    let mut found = ChangedHere::default();
    let paths: Vec<&Path> = touched(diff).map(|(path, _)| path).collect();
    // Without a path all files would be looked at.
    if paths.is_empty() {
        return Ok(found);
    }
    found.in_the_way.extend(paths.iter().filter_map(|path| files_above(&opened.root, path, diff)));
    // Ignored files are nobody's but the user's.
    for path in differing(&opened.root, &opened.repository, &paths, Purpose::Overwrite)? {
        // git removes a file before it writes the new one, and writes one that was removed here.
        if by_git.is_some()
            && opened.root.join(&path).symlink_metadata().is_err()
            && new.get_path(&path).is_ok()
        {
            continue;
        }
        let is_new = is_as_in(&opened.root, &path, new, by_git);
        if is_new { &mut found.already_new } else { &mut found.in_the_way }.push(path);
    }
    found.in_the_way.sort();
    found.in_the_way.dedup();
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

/// Whether a file is what the tree has.
fn is_as_in(root: &Path, path: &Path, tree: &Tree<'_>, by_git: Option<&UserGit<'_>>) -> bool {
    let here = root.join(path);
    match (tree.get_path(path), here.symlink_metadata()) {
        (Ok(entry), Ok(found)) => {
            let hash = match (by_git, path.to_str()) {
                // It goes through the filters that the path has.
                (Some(git), Some(path)) => git.run(&["hash-object", "--", path], &[]).ok(),
                _ => Oid::hash_file(ObjectType::Blob, &here).ok().map(|hash| hash.to_string().into_bytes()),
            };
            let hash = hash.as_deref().map(<[u8]>::trim_ascii);
            found.is_file() && hash == Some(entry.id().to_string().as_bytes())
        }
        (Err(_), Err(_)) => true,
        _ => false,
    }
}
