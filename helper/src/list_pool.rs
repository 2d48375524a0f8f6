use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use ays_model::Content;
use ays_protocol::{Failure, FileSeen, ListPool, MOST_LISTED, PoolListing, UnknownFile};

use crate::disk::{failure, refused};
use crate::owner;

/// Which files lie in a pool. A pool that is not there is empty. Nothing is written.
pub(crate) fn list(ListPool { claim }: &ListPool) -> Result<PoolListing, Failure> {
    let pool = &claim.path;
    let seen = owner::look(pool)?;
    let known = claim.known.iter().map(|name| look_at(pool, name)).collect::<Result<_, _>>()?;
    let mut listing =
        PoolListing { exists: true, seen, known, unknown: Vec::new(), has_more: false, others: 0 };
    let unreadable = |error: &io::Error| failure(pool, "listing the directory", error);
    let entries = match fs::read_dir(pool) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(PoolListing { exists: false, ..listing }),
        Err(error) => return Err(unreadable(&error)),
    };
    let known: HashSet<&str> = claim.known.iter().map(String::as_str).collect();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&error))?;
        let name = entry.file_name();
        match name.to_str() {
            Some(name) if name.starts_with('.') || known.contains(name) => {}
            Some(crate::pool_files::INDEX) => {}
            Some(name) if Content::digits_in_name(name).is_none() => listing.others += 1,
            None if name.as_encoded_bytes().starts_with(b".") => {}
            None => listing.others += 1,
            Some(_) if listing.unknown.len() == MOST_LISTED => listing.has_more = true,
            Some(name) => {
                // One that is gone by now is none.
                let Some(seen) = look_at(pool, name)? else { continue };
                listing.unknown.push(UnknownFile { name: name.to_owned(), seen });
            }
        }
    }
    listing.unknown.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(listing)
}

fn look_at(pool: &Path, name: &str) -> Result<Option<FileSeen>, Failure> {
    let path = pool.join(name);
    if name.is_empty() || name.contains(['/', '\0']) || [".", ".."].contains(&name) {
        return Err(refused(&path, "it is not the name of a stored file"));
    }
    match fs::symlink_metadata(&path) {
        Ok(found) => Ok(Some(seen(&found))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failure(&path, "looking at it", &error)),
    }
}

fn seen(found: &Metadata) -> FileSeen {
    if found.is_file() { FileSeen::File { size: found.len() } } else { FileSeen::Other }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
