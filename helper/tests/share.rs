//! One fetch by several nodes: as it should be, and when a node, a source or a connection fails.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ays_model::{Check, Checksum, Sha256};
use ays_protocol::{Failure, Fetched, News, Outcome, PIECE, Step, ToNode};
use support::grid::{Grid, STEP, dests};
use support::{Answer, End, Web, by_sha256, content, names, released, sha256};
use tempfile::tempdir;

const ETAG: &str = "\"one\"";
const MIB: usize = PIECE as usize;

/// What a shared fetch of `body` to `dest` says when nothing was in its way.
fn fetched(dest: &Path, body: &[u8]) -> Fetched {
    support::fetched(dest, body, Some(ETAG))
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
        grid.join(&web.url("/x"), dest, Check::Checksum(Checksum::Sha256(sha256(&body)))).await;
    }
    grid.from(2, 1).await;
    grid.from(1, 0).await;
    grid.source(0).await;
    let expected: Vec<_> = grid.results().await;
    for (dest, result) in dests.iter().zip(expected) {
        assert_eq!(result, ok(Fetched { verified_by: by_sha256(&body), ..fetched(dest, &body) }));
        assert!(fs::read(dest).unwrap() == body);
        assert_eq!(names(dest.parent().unwrap()), ["x"]);
    }
    assert_eq!(web.ranges(), [None]);
    // The piece of zeros takes no room where it was taken from a node.
    let blocks = |dest: &Path| dest.metadata().unwrap().blocks() * 512;
    assert!(blocks(&dests[0]) - blocks(&dests[1]) >= PIECE);
}

#[tokio::test]
async fn when_the_leader_is_lost_another_node_goes_on_where_its_pieces_end() {
    let body = content(4 * MIB + 17);
    let web = interrupted(&body, 2 * MIB + MIB / 2).await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 3);
    let mut grid = Grid::new();
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::None).await;
    }
    grid.source(0).await;
    grid.from(1, 0).await;
    grid.from(2, 1).await;
    grid.has(2, 2 * PIECE).await;
    grid.end(0).await;
    grid.source(1).await;
    let results = grid.results().await;
    let resumed = Fetched { resumed_at: 2 * PIECE, ..fetched(&dests[1], &body) };
    assert_eq!(results, [ok(resumed), ok(fetched(&dests[2], &body))]);
    for dest in &dests[1..] {
        assert!(fs::read(dest).unwrap() == body);
    }
    assert_eq!(web.ranges(), [None, Some(2 * MIB)]);
    let opened = grid.told().iter().filter(|news| matches!(news, News::Opened(_)));
    assert_eq!(opened.count(), 1);
}

#[tokio::test]
async fn a_leader_that_is_to_follow_keeps_what_it_has() {
    let body = content(4 * MIB);
    let web = interrupted(&body, 2 * MIB + MIB / 2).await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 2);
    let mut grid = Grid::new();
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::None).await;
    }
    grid.source(0).await;
    grid.from(1, 0).await;
    grid.has(1, 2 * PIECE).await;
    grid.from(0, 1).await;
    grid.source(1).await;
    let results = grid.results().await;
    let resumed = Fetched { resumed_at: 2 * PIECE, ..fetched(&dests[1], &body) };
    assert_eq!(results, [ok(fetched(&dests[0], &body)), ok(resumed)]);
    assert!(fs::read(&dests[0]).unwrap() == body);
    assert_eq!(web.ranges(), [None, Some(2 * MIB)]);
}

#[tokio::test]
async fn a_late_node_is_served_while_the_next_steps_run_and_after_the_file_is_gone() {
    let body = content(3 * MIB + 1);
    let served = body.clone();
    let web = Web::start(move |request, _| Answer::file(request, &served, ETAG)).await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 2);
    let mut grid = Grid::new();
    grid.join(&web.url("/x"), &dests[0], Check::None).await;
    grid.source(0).await;
    let first = grid.result(0).await;
    assert_eq!(first, ok(fetched(&dests[0], &body)));
    grid.send(0, ToNode::Run { id: STEP, step: Step::Remove(dests[0].clone()) }).await;
    assert_eq!(grid.result(0).await, Ok(Outcome::Removed));
    grid.join(&web.url("/x"), &dests[1], Check::None).await;
    grid.from(1, 0).await;
    assert_eq!(grid.result(1).await, ok(fetched(&dests[1], &body)));
    assert!(fs::read(&dests[1]).unwrap() == body);
    assert_eq!(web.ranges(), [None]);
}

#[tokio::test]
async fn what_an_earlier_run_left_is_used_as_far_as_its_pieces_match() {
    for (damaged, resumed_at) in [(None, 3 * PIECE), (Some(MIB + 5), PIECE)] {
        let body = content(4 * MIB);
        let web = interrupted(&body, 3 * MIB + 1).await;
        let directory = tempdir().unwrap();
        let dests = dests(directory.path(), 3);
        let mut grid = Grid::new();
        for dest in &dests {
            grid.join(&web.url("/x"), dest, Check::None).await;
        }
        grid.source(0).await;
        for number in [1, 2] {
            grid.from(number, 0).await;
            grid.has(number, 3 * PIECE).await;
        }
        grid.end(2).await;
        released(&dests[2]).await;
        assert_eq!(names(dests[2].parent().unwrap()), [".x.ays-part", ".x.ays-part.json"]);
        let part = dests[2].with_file_name(".x.ays-part");
        let mut left = fs::read(&part).unwrap();
        assert!(left == body[..3 * MIB]);
        if let Some(at) = damaged {
            left[at] ^= 1;
            fs::write(&part, left).unwrap();
        }
        let again = grid.join(&web.url("/x"), &dests[2], Check::None).await;
        grid.from(again, 1).await;
        grid.has(again, 3 * PIECE).await;
        grid.end(0).await;
        grid.source(1).await;
        let results = grid.results().await;
        let leader = Fetched { resumed_at: 3 * PIECE, ..fetched(&dests[1], &body) };
        let follower = Fetched { resumed_at, ..fetched(&dests[2], &body) };
        assert_eq!(results, [ok(leader), ok(follower)]);
        assert!(fs::read(&dests[2]).unwrap() == body);
    }
}

#[tokio::test]
async fn a_leader_goes_on_with_what_an_earlier_run_left() {
    let body = content(4 * MIB);
    let web = interrupted(&body, 3 * MIB + 5).await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 2);
    let mut first = Grid::new();
    first.join(&web.url("/x"), &dests[0], Check::None).await;
    first.source(0).await;
    first.has(0, 3 * PIECE + 5).await;
    first.end(0).await;
    released(&dests[0]).await;
    let mut grid = Grid::new();
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::None).await;
    }
    grid.source(0).await;
    grid.from(1, 0).await;
    let results = grid.results().await;
    let resumed = Fetched { resumed_at: 3 * PIECE + 5, ..fetched(&dests[0], &body) };
    assert_eq!(results, [ok(resumed), ok(fetched(&dests[1], &body))]);
    assert!(fs::read(&dests[1]).unwrap() == body);
    assert_eq!(web.ranges(), [None, Some(3 * MIB + 5)]);
}

#[tokio::test]
async fn a_file_that_is_there_is_kept_and_passed_on() {
    let body = content(2 * MIB + 9);
    // Nobody asks it for the file.
    let web = Web::start(|_, _| Answer::status("404 Not Found")).await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 3);
    for dest in &dests[..2] {
        fs::create_dir(dest.parent().unwrap()).unwrap();
        fs::write(dest, &body).unwrap();
    }
    let mut grid = Grid::new();
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::Checksum(Checksum::Sha256(sha256(&body)))).await;
    }
    grid.from(2, 1).await;
    grid.source(0).await;
    let results = grid.results().await;
    let whole = |dest| Fetched { verified_by: by_sha256(&body), etag: None, ..fetched(dest, &body) };
    let kept = |dest| ok(Fetched { kept: true, ..whole(dest) });
    assert_eq!(results, [kept(&dests[0]), kept(&dests[1]), ok(whole(&dests[2]))]);
    assert!(fs::read(&dests[2]).unwrap() == body);
    assert_eq!(names(dests[1].parent().unwrap()), ["x"]);
    assert_eq!(web.requests(), []);
}

#[tokio::test]
async fn a_source_without_size_or_validators() {
    for body in [content(2 * MIB + 9), content(2 * MIB), Vec::new()] {
        let served = body.clone();
        let web = Web::start(move |_, _| Answer::whole(&served).without("Content-Length")).await;
        let directory = tempdir().unwrap();
        let dests = dests(directory.path(), 2);
        let mut grid = Grid::new();
        for dest in &dests {
            grid.join(&web.url("/x"), dest, Check::None).await;
        }
        grid.from(1, 0).await;
        grid.source(0).await;
        for (dest, result) in dests.iter().zip(grid.results().await) {
            assert_eq!(result, ok(Fetched { etag: None, ..fetched(dest, &body) }));
            assert!(fs::read(dest).unwrap() == body);
        }
    }
}

#[tokio::test]
async fn a_file_that_changes_at_its_source_is_read_anew_by_all() {
    let (old, new) = (content(3 * MIB), content(3 * MIB + 1).iter().map(|byte| !byte).collect::<Vec<_>>());
    let (before, after) = (old.clone(), new.clone());
    let web = Web::start(move |request, number| match number {
        0 => Answer::file(request, &before, ETAG).cut(2 * MIB, End::Hang),
        _ => Answer::file(request, &after, "\"two\""),
    })
    .await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 3);
    let mut grid = Grid::new();
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::None).await;
    }
    grid.source(0).await;
    for number in [1, 2] {
        grid.from(number, 0).await;
        grid.has(number, 2 * PIECE).await;
    }
    grid.end(0).await;
    grid.from(2, 1).await;
    grid.source(1).await;
    for (dest, result) in dests[1..].iter().zip(grid.results().await) {
        assert_eq!(result, ok(Fetched { etag: Some("\"two\"".into()), ..fetched(dest, &new) }));
        assert!(fs::read(dest).unwrap() == new);
    }
    assert_eq!(epochs(&grid), [1, 2]);
}

/// The validators say that it is the same file, but it is not; the pieces tell.
#[tokio::test]
async fn a_source_that_gives_other_bytes_than_before_is_read_anew_by_all() {
    let (old, new) = (content(3 * MIB), content(3 * MIB).iter().map(|byte| !byte).collect::<Vec<_>>());
    let (before, after) = (old.clone(), new.clone());
    let web = Web::start(move |request, number| match number {
        0 => Answer::file(request, &before, ETAG).cut(2 * MIB, End::Hang),
        _ => Answer::file(request, &after, ETAG),
    })
    .await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 3);
    let mut grid = Grid::new();
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::None).await;
    }
    grid.source(0).await;
    grid.from(1, 0).await;
    grid.has(1, 2 * PIECE).await;
    grid.end(0).await;
    // One that has no piece yet leads.
    grid.from(1, 2).await;
    grid.source(2).await;
    for (dest, result) in dests[1..].iter().zip(grid.results().await) {
        assert_eq!(result, ok(fetched(dest, &new)));
        assert!(fs::read(dest).unwrap() == new);
    }
    assert_eq!(epochs(&grid), [1, 2]);
}

/// Neither size nor validators say so: only the number of pieces does.
#[tokio::test]
async fn a_source_that_has_fewer_bytes_than_before_is_read_anew_by_all() {
    let body = content(2 * MIB);
    let served = body.clone();
    let web = Web::start(move |_, number| match number {
        0 => Answer::whole(&content(4 * MIB)).without("Content-Length").cut(3 * MIB, End::Hang),
        _ => Answer::whole(&served).without("Content-Length"),
    })
    .await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 3);
    let mut grid = Grid::new();
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::None).await;
    }
    grid.source(0).await;
    grid.from(1, 0).await;
    grid.has(1, 3 * PIECE).await;
    grid.end(0).await;
    grid.from(1, 2).await;
    grid.source(2).await;
    for (dest, result) in dests[1..].iter().zip(grid.results().await) {
        assert_eq!(result, ok(Fetched { etag: None, ..fetched(dest, &body) }));
        assert!(fs::read(dest).unwrap() == body);
    }
    assert_eq!(epochs(&grid), [1, 2]);
    assert_eq!(web.ranges(), [None; 3]);
}

fn epochs(grid: &Grid) -> Vec<u32> {
    grid.told()
        .iter()
        .filter_map(|news| match news {
            News::Opened(opened) => Some(opened.epoch),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_wrong_checksum_ends_it_for_all() {
    let body = content(2 * MIB + 1);
    let served = body.clone();
    let web = Web::start(move |request, _| Answer::file(request, &served, ETAG)).await;
    let directory = tempdir().unwrap();
    let dests = dests(directory.path(), 2);
    let mut grid = Grid::new();
    let wrong = Sha256([0; 32]);
    for dest in &dests {
        grid.join(&web.url("/x"), dest, Check::Checksum(Checksum::Sha256(wrong))).await;
    }
    fs::write(&dests[1], "old").unwrap();
    grid.from(1, 0).await;
    grid.source(0).await;
    let failure = Failure::Checksum {
        url: web.url("/x"),
        algorithm: "SHA-256".into(),
        expected: wrong.to_string(),
        actual: sha256(&body).to_string(),
    };
    assert_eq!(grid.result(0).await, Err(failure.clone()));
    grid.tell(1, News::Failed(failure.clone())).await;
    assert_eq!(grid.result(1).await, Err(failure));
    assert_eq!(names(dests[0].parent().unwrap()), [""; 0]);
    assert_eq!(names(dests[1].parent().unwrap()), ["x"]);
    assert_eq!(fs::read(&dests[1]).unwrap(), b"old");
}
