//! The files from git that services have: fetched by this machine, whatever the nodes can reach.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ays_engine::{GitTree, Stop};
use ays_model::Sha256;
use ays_protocol::{TreeEntry, TreeKind};
use ays_recipes::{GitExport, Recipe};
use ays_repository::{Access, Address, FetchedTree, FileKind, TreeError, Wanted};
use ays_transport::SshSettings;
use sha2::Digest;

use crate::error::Error;
use crate::off_runtime::blocking;

/// Fetches all that a recipe takes from git, in its order. Those that are only for a build are left empty where none is
/// wanted.
pub(crate) async fn fetch(
    recipe: &Recipe,
    purpose: Purpose,
    cache: &Path,
    ssh: &SshSettings,
    stop: &Stop,
) -> Result<Vec<GitTree>, Error> {
    let mut trees = Vec::new();
    let exports = recipe.parts.exports.len();
    for (number, export) in recipe.parts.trees().enumerate() {
        if purpose == Purpose::Install && number >= exports {
            break;
        }
        if purpose == Purpose::Build && number < exports {
            trees.push(GitTree {
                commit: String::new(),
                entries: Vec::new(),
                read: Arc::new(|_| Ok(Vec::new())),
            });
            continue;
        }
        let ends = Arc::new(AtomicBool::new(false));
        let access = access(ssh, Arc::clone(&ends));
        let (export, dir) = (export.clone(), directory(cache, &export.address));
        let fetching = blocking(move || fetch_one(&export, &dir, &access));
        tokio::select! {
            fetched = fetching => trees.push(fetched?),
            () = stop.after_steps() => {
                ends.store(true, Ordering::Relaxed);
                return Err(Error::interrupted());
            }
        }
    }
    Ok(trees)
}

/// What files from git are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `git.export`.
    Install,
    /// `git.build`.
    Build,
}

/// Repositories are reached as the operator's own are: by the agent, by keys, by ssh's configuration.
pub(crate) fn access(ssh: &SshSettings, stop: Arc<AtomicBool>) -> Access {
    Access {
        home: ssh.home.clone(),
        ssh_agent: true,
        token: None,
        ask: None,
        new_host_keys: ssh.new_host_keys.clone(),
        stop,
        progress: Box::new(|_| {}),
    }
}

/// A directory for each repository.
pub(crate) fn directory(cache: &Path, address: &Address) -> PathBuf {
    let name = hex::encode(sha2::Sha256::digest(address.as_str()));
    cache.join(&name[..32])
}

const TO_SYSTEM: &str = "is a link to where a node's own system lies: export another part of the repository";

fn fetch_one(export: &GitExport, dir: &Path, access: &Access) -> Result<GitTree, Error> {
    let wanted = Wanted {
        address: &export.address,
        which: &export.which,
        depth: export.depth,
        path: &export.source,
        is_flat: export.nodirs,
    };
    let fetched = FetchedTree::fetch(wanted, dir, access)?;
    let mut entries = Vec::new();
    for (number, file) in fetched.files.iter().enumerate() {
        let bytes = fetched.read(number)?;
        if file.kind == FileKind::Link
            && export.leads_to_system(&file.path, Path::new(OsStr::from_bytes(&bytes)))
        {
            let (address, path) = (export.address.to_string(), file.path.display().to_string());
            return Err(TreeError::Unfit { address, path, problem: TO_SYSTEM }.into());
        }
        entries.push(TreeEntry {
            path: file.path.clone(),
            kind: match file.kind {
                FileKind::File => TreeKind::File,
                FileKind::Program => TreeKind::Program,
                FileKind::Link => TreeKind::Link,
            },
            sha256: Sha256(sha2::Sha256::digest(&bytes).into()),
            size: bytes.len() as u64,
        });
    }
    let commit = fetched.commit.clone();
    let read = Arc::new(move |number| fetched.read(number).map_err(std::io::Error::other));
    Ok(GitTree { commit, entries, read })
}
