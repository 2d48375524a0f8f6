//! One fetch by several nodes: as it should be, and when a node, a source or a connection fails.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ays_node::{Check, Failure, Fetched, News, Opened, Outcome, PIECE, Said, Step, Supplier, ToNode};
use tempfile::tempdir;

use support::grid::{Grid, STEP, dests, share};
use support::{Answer, End, Web, content, md5, names, sha256, stamp};

const ETAG: &str = "\"one\"";
const MIB: usize = PIECE as usize;

/// What a shared fetch of `body` to `dest` says when nothing was in its way.
fn fetched(dest: &Path, body: &[u8]) -> Fetched {
    Fetched {
        size: body.len() as u64,
        md5: md5(body),
        sha256: sha256(body),
        verified: false,
        kept: false,
        is_source: false,
        resumed_at: 0,
        etag: Some(ETAG.to_owned()),
        last_modified: None,
        stamp: stamp(dest),
    }
}

fn ok(fetched: Fetched) -> Result<Outcome, Failure> {
    Ok(Outcome::Fetched(fetched))
}

/// A server of one file; the first answer is cut off after `cut` bytes, and then nothing comes.
async fn interrupted(body: &[u8], cut: usize) -> Web {
    let served = body.to_owned();
    Web::start(move |request, number| {
        let answer = Answer::file(request, &served, ETAG);
        if number == 0 { answer.cut(cut, End::Hang) } else { answer }
    })
    .await
}

#[tokio::test]
async fn a_chain_brings_the_file_with_one_reading_of_the_source() {
    let mut body = content(5 * MIB + 17);
    body[2 * MIB..3 * MIB].fill(0);
    let served = body.clone();
    let web = Web::start(move |request, _| Answer::file(request, &served, ETAG)).await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 3);
    let mut grid = Grid::new();
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::Sha256(sha256(&body))).await;
    }
    grid.from(2, 1).await;
    grid.from(1, 0).await;
    grid.source(0).await;
    let expected: Vec<_> = grid.results().await;
    for (dest, result) in dests.iter().zip(expected) {
        assert_eq!(result, ok(Fetched { verified: true, ..fetched(dest, &body) }));
        assert!(fs::read(dest).unwrap() == body);
        assert_eq!(names(dest.parent().unwrap()), ["x"]);
    }
    assert_eq!(web.ranges(), [None]);
    // The piece of zeros takes no room where it was taken from a node.
    let blocks = |dest: &Path| dest.metadata().unwrap().blocks() * 512;
    assert!(blocks(&dests[0]) - blocks(&dests[1]) >= PIECE);
}
