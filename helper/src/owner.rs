//! Whose a pool is. Its mark is looked at, and written, by one process at a time, whatever the node that it runs on: of two
//! controllers that come at once, one takes the pool and the other sees its mark.

use std::fs::File;
use std::path::{Path, PathBuf};

use ays_model::PoolOwner;
use ays_protocol::{AdoptPool, Failure, NotOurs, PoolClaim, PoolMark, PoolSeen, Whose};
use serde::{Deserialize, Serialize};

use crate::disk::check_path;
use crate::file_name::PART_SUFFIX;
use crate::leftovers::PART_PREFIX;
use crate::locked::wait_locked;
use crate::pool_files::{INDEX, OWNER, read, replace};
use crate::temporary::Temporary;

/// The longest word of a mark: it is shown to people.
const LONGEST: usize = 255;

/// The file of a pool's mark.
#[derive(Serialize, Deserialize)]
struct MarkFile {
    version: u32,
    #[serde(flatten)]
    owner: PoolOwner,
}

/// The right to change whose a pool is, and what only its owner writes; held by one process.
pub(crate) struct Held {
    /// Removed first: whoever waits for the lock of a removed file takes it for another one's.
    _file: Temporary,
    _lock: File,
}

/// Whether the claimant may write into the pool. Nothing is written; a pool that is not there is nobody's.
pub(crate) fn check(claim: &PoolClaim) -> Result<(), Failure> {
    check_path(&claim.path)?;
    judge(claim, &mark(&claim.path)?)
}

/// Makes the pool, whose directory is there, the claimant's, unless it is another one's. Nobody else writes what only its
/// owner may until the answer is dropped.
pub(crate) fn take(claim: &PoolClaim) -> Result<Held, Failure> {
    let held = hold(&claim.path)?;
    let mark = mark(&claim.path)?;
    judge(claim, &mark)?;
    if mark == PoolMark::Missing {
        write_mark(&claim.path, &claim.owner)?;
    }
    Ok(held)
}

/// What lies in a pool that says whose it is.
pub(crate) fn look(pool: &Path) -> Result<PoolSeen, Failure> {
    check_path(pool)?;
    let index = read(pool, INDEX)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(PoolSeen { mark: mark(pool)?, index })
}

/// Makes a pool the claimant's, whosever it is, when it is as it was seen; what it is then.
pub(crate) fn adopt(AdoptPool { claim, seen }: &AdoptPool) -> Result<PoolSeen, Failure> {
    check_path(&claim.path)?;
    let _held = hold(&claim.path)?;
    let found = look(&claim.path)?;
    if found != *seen {
        return Ok(found);
    }
    write_mark(&claim.path, &claim.owner)?;
    Ok(PoolSeen { mark: PoolMark::Of(claim.owner.clone()), index: found.index })
}

fn hold(pool: &Path) -> Result<Held, Failure> {
    let path: PathBuf = pool.join(format!("{PART_PREFIX}pool{PART_SUFFIX}"));
    let lock = wait_locked(&path)?;
    Ok(Held { _file: Temporary::new(path), _lock: lock })
}

fn judge(claim: &PoolClaim, mark: &PoolMark) -> Result<(), Failure> {
    let whose = match mark {
        PoolMark::Of(owner) if owner.is(&claim.owner) => return Ok(()),
        PoolMark::Of(owner) => Whose::Owner(owner.clone()),
        PoolMark::Unreadable(reason) => Whose::Unreadable { file: OWNER.into(), reason: reason.clone() },
        PoolMark::Missing => match unknown(claim)? {
            Ok(files) if files.is_empty() => return Ok(()),
            Ok(files) => Whose::Unknown(files),
            Err(reason) => Whose::Unreadable { file: INDEX.into(), reason },
        },
    };
    let (pool, node, path) = (claim.pool.clone(), claim.node.clone(), claim.path.clone());
    Err(Failure::NotOurs(Box::new(NotOurs { pool, node, path, whose })))
}

fn mark(pool: &Path) -> Result<PoolMark, Failure> {
    let Some(bytes) = read(pool, OWNER)? else { return Ok(PoolMark::Missing) };
    let long = |owner: &PoolOwner| {
        let PoolOwner { catalogue, environment, taken_by } = owner;
        [catalogue.as_str(), environment.as_str(), taken_by].iter().any(|word| word.len() > LONGEST)
    };
    Ok(match serde_json::from_slice::<MarkFile>(&bytes) {
        Ok(MarkFile { owner, .. }) if long(&owner) => PoolMark::Unreadable("a word is too long".to_owned()),
        Ok(MarkFile { owner, .. }) => PoolMark::Of(owner),
        Err(error) => PoolMark::Unreadable(error.to_string()),
    })
}

fn write_mark(pool: &Path, owner: &PoolOwner) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(&MarkFile { version: 1, owner: owner.clone() })
        .map_err(|error| crate::disk::failure(&pool.join(OWNER), "writing", &error.into()))?;
    text.push('\n');
    replace(pool, OWNER, text.as_bytes())
}

/// The part of an index that says which files it is about.
#[derive(Deserialize)]
struct IndexFile {
    images: Vec<IndexEntry>,
}

#[derive(Deserialize)]
struct IndexEntry {
    file: String,
}

/// The files of the pool's index that the claimant does not know, or why that cannot be told.
fn unknown(claim: &PoolClaim) -> Result<Result<Vec<String>, String>, Failure> {
    let mut files = offered(&claim.path)?;
    if let Ok(files) = &mut files {
        files.retain(|file| !claim.known.contains(file));
    }
    Ok(files)
}

/// The files that the pool's index names, or why that cannot be told.
pub(crate) fn offered(pool: &Path) -> Result<Result<Vec<String>, String>, Failure> {
    let Some(bytes) = read(pool, INDEX)? else { return Ok(Ok(Vec::new())) };
    Ok(match serde_json::from_slice::<IndexFile>(&bytes) {
        Ok(index) => Ok(index.images.into_iter().map(|entry| entry.file).collect()),
        Err(error) => Err(error.to_string()),
    })
}
