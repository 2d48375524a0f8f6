//! Removing stored files from a pool, unless something uses them.
//!
//! All is looked at on the node at the time of the removal: what offers a file (the pool's index), what has it open
//! (processes, loop devices), what stands on it (other names of it, disks in the pool and in the `users` directories). The
//! long search among disks comes first, the short looks again under the pool's lock, at once before the file goes.
//! A file goes by one `unlink`: stopped at any time, each of them is there as a whole or gone.
//!
//! What cannot be seen from here: other nodes that share the pool (whoever asks, asks each of them), and a disk that is
//! made on top of the file, and closed, between the search and the removal.

mod disks;
mod loops;
mod names;
mod processes;
mod wanted;

use std::path::Path;

use ays_protocol::{Failure, FileUse, Removal, RemoveCopies, RemovedCopies, RemovedCopy};

use self::disks::Search;
use self::wanted::Wanted;
use crate::disk::{check_path, on_thread, refused, remove, sync_directory};
use crate::libvirt::Libvirt;
use crate::limits::Limits;
use crate::owner;

/// Removes what nothing uses, or only tells what that would be. libvirt is told of what was removed.
pub(crate) async fn remove_copies(
    order: RemoveCopies,
    libvirt: &Libvirt,
    limits: &Limits,
) -> Result<RemovedCopies, Failure> {
    let pool = &order.claim.path;
    check_path(pool)?;
    order.users.iter().try_for_each(|directory| check_path(directory))?;
    for wanted in &order.files {
        check_name(pool, &wanted.file, &order.claim.known)?;
    }
    let pool = pool.clone();
    let mut answer = on_thread(move || work(&order)).await?;
    if answer.files.contains(&RemovedCopy::Removed) {
        answer.not_refreshed = libvirt.refresh(&pool, limits.libvirt).await;
    }
    Ok(answer)
}

/// Only what this pool's owner stored is removed.
fn check_name(pool: &Path, file: &str, known: &[String]) -> Result<(), Failure> {
    let path = pool.join(file);
    let is_plain = !file.is_empty() && !file.starts_with('.') && !file.contains(['/', '\0']);
    if !is_plain {
        return Err(refused(&path, "it is not the name of a stored file"));
    }
    if !known.iter().any(|known| known == file) {
        return Err(refused(&path, "the catalogue has no such file in this pool"));
    }
    Ok(())
}

fn work(order: &RemoveCopies) -> Result<RemovedCopies, Failure> {
    let RemoveCopies { claim, files, users, removal } = order;
    owner::check(claim)?;
    let mut wanted = Wanted::look(&claim.path, files);
    if wanted.all_missing() && !claim.path.is_dir() {
        return Ok(wanted.answer(0));
    }
    let searched = [&claim.path].into_iter().chain(users);
    if *removal == Removal::Look {
        // The index last: whoever asks may end that it offers a file, and has to know what else uses it.
        Search::new(&mut wanted).run(searched);
        let unseen = processes::look(&mut wanted);
        quick_looks(&claim.path, &mut wanted)?;
        return Ok(wanted.answer(unseen));
    }
    quick_looks(&claim.path, &mut wanted)?;
    // Searching takes longest, and what is used already needs no further reason.
    if wanted.any_unused() {
        Search::new(&mut wanted).run(searched);
    }
    // Until all is removed: nobody writes an index that offers it.
    let held = owner::take(claim)?;
    wanted.look_again();
    quick_looks(&claim.path, &mut wanted)?;
    let unseen = processes::look(&mut wanted);
    for number in wanted.unused() {
        remove(&wanted.path(number))?;
        wanted.set(number, RemovedCopy::Removed);
    }
    // Also where all were gone: an earlier run may have been stopped before its sync.
    sync_directory(&claim.path)?;
    drop(held);
    Ok(wanted.answer(unseen))
}

/// What takes no time: the pool's index and loop devices.
fn quick_looks(pool: &Path, wanted: &mut Wanted) -> Result<(), Failure> {
    match owner::offered(pool)? {
        Ok(offered) => offered.iter().for_each(|file| wanted.used_by_name(file, || FileUse::Offered)),
        Err(reason) => wanted.all_not_told(&pool.join(crate::pool_files::INDEX), &reason),
    }
    loops::look(wanted);
    Ok(())
}
