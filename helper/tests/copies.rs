//! A stored file is passed on from node to node: with its holes, verified, and when a node fails.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use ays_disk::content::Hasher;
use ays_model::{Content, Digest};
use ays_protocol::{
    Failure, FromNode, News, Outcome, PIECE, PassCopy, PassedCopy, Phase, Step, ToNode, write_frame,
};
use support::grid::Grid;
use support::{content, names, sha256, until};
use tempfile::{TempDir, tempdir};

const MIB: usize = PIECE as usize;

/// Nodes with a directory each.
struct Nodes {
    top: TempDir,
    grid: Grid,
    size: u64,
    digest: Digest,
}

impl Nodes {
    /// The first has a file with these bytes.
    fn new(body: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(body);
        let digest = Digest::FsVerity(Content(hasher.finalize().content));
        let nodes = Self { top: tempdir().unwrap(), grid: Grid::new(), size: body.len() as u64, digest };
        nodes.write(0, body);
        nodes
    }

    fn write(&self, number: usize, body: &[u8]) {
        fs::create_dir_all(self.path(number).parent().unwrap()).unwrap();
        fs::write(self.path(number), body).unwrap();
    }

    fn path(&self, number: usize) -> PathBuf {
        self.top.path().join(number.to_string()).join("x.raw")
    }

    fn order(&self, number: usize) -> PassCopy {
        let (size, digest, share) = (self.size, self.digest, self.grid.share.clone());
        PassCopy { path: self.path(number), size, digest, share }
    }

    async fn give(&mut self, number: usize) -> usize {
        let step = Step::GiveCopy(self.order(number));
        self.grid.join_to(step).await
    }

    async fn take(&mut self, number: usize) -> usize {
        let step = Step::TakeCopy(self.order(number));
        self.grid.join_to(step).await
    }

    fn assert_has(&self, number: usize, body: &[u8]) {
        assert!(fs::read(self.path(number)).unwrap() == body);
        assert_eq!(names(self.path(number).parent().unwrap()), ["x.raw"]);
    }
}

fn passed(result: &Result<Outcome, Failure>) -> PassedCopy {
    match result {
        Ok(Outcome::Passed(passed)) => *passed,
        other => panic!("{other:?}"),
    }
}

fn blocks(path: &Path) -> u64 {
    path.metadata().unwrap().blocks() * 512
}

#[tokio::test]
async fn a_chain_of_nodes_takes_a_file_from_one_that_has_it() {
    let body = content(3 * MIB + 17);
    let mut nodes = Nodes::new(&body);
    nodes.give(0).await;
    for number in 1..4 {
        nodes.take(number).await;
        nodes.grid.from(number, number - 1).await;
    }
    nodes.grid.source(0).await;
    let results = nodes.grid.results().await;
    assert_eq!((passed(&results[0]).kept, passed(&results[0]).received), (true, 0));
    for (number, result) in results.iter().enumerate().skip(1) {
        let passed = passed(result);
        assert_eq!((passed.kept, passed.received, passed.resumed_at), (false, nodes.size, 0));
        nodes.assert_has(number, &body);
    }
}

/// `AYS_SPARSE_DATA_MIB=200 cargo nextest run holes --no-capture` says how long it takes with more data. Nobody sends beats
/// here, so a helper ends after 12 seconds.
#[tokio::test]
async fn holes_are_neither_read_nor_sent_nor_written() {
    const GIB: u64 = 1 << 30;
    let most: u64 = std::env::var("AYS_SPARSE_DATA_MIB").map_or(8, |number| number.parse().unwrap());
    let mut nodes = Nodes::new(b"");
    nodes.size = 4 * GIB;
    let file = File::create(nodes.path(0)).unwrap();
    file.set_len(nodes.size).unwrap();
    let body = content(MIB);
    let mut hasher = Hasher::new();
    // Data in half of a piece, so that neither of its ends is one of a piece.
    let step = nodes.size / (2 * most) / 4096 * 4096;
    for number in 0..2 * most {
        file.write_all_at(&body[..MIB / 2], number * step + 4096).unwrap();
        hasher.skip_zeros(4096);
        hasher.update(&body[..MIB / 2]);
        hasher.skip_zeros(step - 4096 - PIECE / 2);
    }
    hasher.skip_zeros(nodes.size - 2 * most * step);
    nodes.digest = Digest::FsVerity(Content(hasher.finalize().content));
    let begun = Instant::now();
    nodes.give(0).await;
    nodes.take(1).await;
    nodes.grid.source(0).await;
    nodes.grid.from(1, 0).await;
    let results = nodes.grid.results().await;
    eprintln!("{most} MiB of data in 4 GiB: {:?}", begun.elapsed());
    assert_eq!(passed(&results[1]).received, most * PIECE);
    assert_eq!(nodes.path(1).metadata().unwrap().len(), nodes.size);
    // The file system itself may keep some blocks for its own lists.
    assert!(blocks(&nodes.path(1)) <= most * PIECE + PIECE, "{}", blocks(&nodes.path(1)));
}

#[tokio::test]
async fn a_file_by_its_sha256_and_an_empty_one_are_passed_on() {
    let mut body = content(2 * MIB);
    body[MIB..].fill(0);
    let mut nodes = Nodes::new(&body[..MIB]);
    File::options().write(true).open(nodes.path(0)).unwrap().set_len(body.len() as u64).unwrap();
    (nodes.size, nodes.digest) = (body.len() as u64, Digest::Sha256(sha256(&body)));
    nodes.give(0).await;
    nodes.take(1).await;
    nodes.grid.source(0).await;
    nodes.grid.from(1, 0).await;
    nodes.grid.results().await.iter().for_each(|result| _ = passed(result));
    nodes.assert_has(1, &body);
    let mut nodes = Nodes::new(b"");
    nodes.give(0).await;
    nodes.take(1).await;
    nodes.grid.source(0).await;
    nodes.grid.from(1, 0).await;
    nodes.grid.results().await.iter().for_each(|result| _ = passed(result));
    nodes.assert_has(1, b"");
}

#[tokio::test]
async fn one_that_has_other_bytes_gives_nothing() {
    let body = content(2 * MIB);
    let mut nodes = Nodes::new(&body);
    let mut damaged = body.clone();
    damaged[MIB + 5] ^= 1;
    nodes.write(0, &damaged);
    nodes.give(0).await;
    let result = nodes.grid.result(0).await;
    assert!(matches!(result, Err(Failure::Checksum { .. })), "{result:?}");
    assert_eq!(nodes.grid.told(), []);
    nodes.write(0, &body[1..]);
    let (node, _) = support::inside(Default::default(), Default::default()).await;
    let mut node = node;
    let result = node.run(Step::GiveCopy(nodes.order(0))).await;
    assert!(matches!(result, Err(Failure::Disk { .. })), "{result:?}");
}

#[tokio::test]
async fn one_that_is_lied_to_gives_the_file_no_name() {
    let body = content(2 * MIB);
    let mut nodes = Nodes::new(&body);
    nodes.give(0).await;
    // What the controller wants of the second is another file of that length.
    nodes.digest = Digest::FsVerity(Content([7; 32]));
    nodes.take(1).await;
    nodes.grid.source(0).await;
    nodes.grid.from(1, 0).await;
    let results = nodes.grid.results().await;
    assert!(matches!(results[1], Err(Failure::Checksum { .. })), "{results:?}");
    assert_eq!(names(nodes.path(1).parent().unwrap()), [""; 0]);
}

#[tokio::test]
async fn what_is_there_is_kept_or_replaced() {
    let body = content(2 * MIB);
    let mut nodes = Nodes::new(&body);
    nodes.write(1, &body);
    let (mut node, _) = support::inside(Default::default(), Default::default()).await;
    assert!(passed(&node.run(Step::TakeCopy(nodes.order(1))).await).kept);
    nodes.assert_has(1, &body);
    nodes.write(1, &body[1..]);
    nodes.give(0).await;
    nodes.take(1).await;
    nodes.grid.source(0).await;
    nodes.grid.from(1, 0).await;
    let results = nodes.grid.results().await;
    assert!(!passed(&results[1]).kept);
    nodes.assert_has(1, &body);
}

#[tokio::test]
async fn another_giver_goes_on_where_the_first_was_lost() {
    let body = content(4 * MIB);
    let mut nodes = Nodes::new(&body);
    nodes.write(3, &body);
    nodes.give(0).await;
    nodes.grid.source(0).await;
    passed(&nodes.grid.result(0).await);
    nodes.take(1).await;
    // The second knows what there is, but the first is lost before it gives anything.
    nodes.grid.end(0).await;
    let second = nodes.give(3).await;
    nodes.grid.source(second).await;
    nodes.grid.from(1, second).await;
    let results = nodes.grid.results().await;
    assert_eq!(passed(&results[0]).received, nodes.size);
    nodes.assert_has(1, &body);
}

#[tokio::test]
async fn what_came_stays_when_no_giver_is_left_and_the_next_run_goes_on() {
    let body = content(3 * MIB + 5);
    let mut nodes = Nodes::new(&body);
    nodes.give(0).await;
    nodes.grid.source(0).await;
    passed(&nodes.grid.result(0).await);
    nodes.take(1).await;
    let lost = || Failure::Unreachable {
        url: "x".to_owned(),
        phase: Phase::Transfer,
        reason: "gone".to_owned(),
        attempts: 1,
    };
    // Two pieces, as they lie in the file when the giver is lost.
    let part = nodes.path(1).with_file_name(".x.raw.ays-part");
    let noted = nodes.path(1).with_file_name(".x.raw.ays-part.json");
    until("it is noted what comes", || noted.exists()).await;
    File::options().write(true).open(&part).unwrap().write_all_at(&body[..2 * MIB], 0).unwrap();
    nodes.grid.tell(1, News::Failed(lost())).await;
    assert_eq!(nodes.grid.result(1).await, Err(lost()));
    assert_eq!(names(part.parent().unwrap()), [".x.raw.ays-part", ".x.raw.ays-part.json"]);

    let mut again = Nodes { grid: Grid::new(), ..nodes };
    again.give(0).await;
    again.take(1).await;
    again.grid.source(0).await;
    again.grid.from(1, 0).await;
    let results = again.grid.results().await;
    let taken = passed(&results[1]);
    assert_eq!((taken.resumed_at, taken.received), (2 * PIECE, PIECE + 5));
    again.assert_has(1, &body);
}

#[tokio::test]
async fn a_node_without_room_for_the_data_says_so_before_anything_comes() {
    let mut nodes = Nodes::new(&content(3 * MIB));
    let full = nodes.path(1);
    fs::create_dir_all(full.parent().unwrap()).unwrap();
    let (mut node, _child) = support::outside_on_small_disk(full.parent().unwrap(), MIB).await;
    nodes.give(0).await;
    nodes.grid.source(0).await;
    passed(&nodes.grid.result(0).await);
    let id = node.start(Step::TakeCopy(nodes.order(1))).await;
    for news in nodes.grid.told().to_vec() {
        write_frame(&mut node.to, &ToNode::News { id, news }).await.unwrap();
    }
    let result = loop {
        if let FromNode::Done { result, .. } = node.next().await {
            break result;
        }
    };
    assert!(matches!(result, Err(Failure::Space { needed, .. }) if needed == 3 * PIECE), "{result:?}");
}
