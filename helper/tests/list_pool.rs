//! What lies in a pool is told as it is, and nothing is written.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use ays_protocol::{FileSeen, ListPool, Outcome, PoolListing, PoolMark, Step};
use support::{claim_of, run};
use tempfile::tempdir;

async fn list(pool: &Path, known: &[&str]) -> PoolListing {
    let mut claim = claim_of("one", pool);
    claim.known = known.iter().map(|&name| name.to_owned()).collect();
    let order = ListPool { claim };
    match run(Step::ListPool(order.clone())).await.unwrap() {
        Outcome::Listed(listing) if listing.answers(&order) => *listing,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn files_that_are_known_and_files_that_look_like_stored_ones_are_told() {
    let top = tempdir().unwrap();
    let pool = top.path();
    let write = |name: &str, size: usize| fs::write(pool.join(name), vec![7; size]).unwrap();
    write("x-0123456789ab.raw", 5);
    write("odd name", 6);
    write("left-0123456789ab.qcow2", 7);
    symlink("x-0123456789ab.raw", pool.join("link-0123456789ab.raw")).unwrap();
    write("machine.qcow2", 8);
    write(".x-0123456789ab.raw.ays-part", 9);
    fs::write(pool.join(std::ffi::OsStr::from_bytes(b"\xff-0123456789ab.raw")), "").unwrap();
    write("ays-images.json", 0);
    let before = fs::read_dir(pool).unwrap().count();

    let listing = list(pool, &["gone-0123456789ab.raw", "odd name", "x-0123456789ab.raw"]).await;
    let file = |size| Some(FileSeen::File { size });
    assert_eq!(listing.known, [None, file(6), file(5)]);
    let unknown: Vec<_> = listing.unknown.iter().map(|file| (file.name.as_str(), file.seen)).collect();
    assert_eq!(
        unknown,
        [("left-0123456789ab.qcow2", FileSeen::File { size: 7 }), ("link-0123456789ab.raw", FileSeen::Other)]
    );
    // The machine's disk, and the name that is no text.
    assert_eq!((listing.exists, listing.others, listing.has_more), (true, 2, false));
    assert_eq!((listing.seen.mark, listing.seen.index.as_deref()), (PoolMark::Missing, Some("")));
    assert_eq!(fs::read_dir(pool).unwrap().count(), before, "nothing was written");
}

#[tokio::test]
async fn a_pool_that_is_not_there_is_empty_and_a_path_is_no_name() {
    let top = tempdir().unwrap();
    let pool = top.path().join("pool");
    let listing = list(&pool, &["x-0123456789ab.raw"]).await;
    assert_eq!((listing.exists, listing.known), (false, vec![None]));
    assert!(!pool.exists());
    for wrong in ["../x", "", ".."] {
        let mut claim = claim_of("one", &pool);
        claim.known = vec![wrong.to_owned()];
        run(Step::ListPool(ListPool { claim })).await.unwrap_err();
    }
}
