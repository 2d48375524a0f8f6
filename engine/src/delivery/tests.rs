use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ays_model::{Md5, Sha256};
use ays_protocol::{Failure, News, Opened, PIECE, Phase, Pieces, Said, Sums, Supplier, Whole};
use tokio::time::Instant;

use super::state::{Swarm, Told};

/// Nodes 0, 1, 2, .. at 10.0.0.0, 10.0.0.1, .. whose helpers listen at port 7.
struct Scene {
    swarm: Swarm,
    told: Vec<Told>,
    now: Instant,
}

impl Scene {
    fn new(nodes: u8) -> Self {
        let mut scene = Self { swarm: Swarm::default(), told: Vec::new(), now: Instant::now() };
        for _ in 0..nodes {
            scene.join();
        }
        scene
    }

    fn join(&mut self) -> usize {
        let number = self.swarm.join(address(self.told.len()));
        self.told.push(Told::default());
        self.swarm.said(number, Said::Listening { port: 7 }, self.now);
        number
    }

    fn said(&mut self, number: usize, said: Said) {
        self.swarm.said(number, said, self.now);
    }

    fn news(&mut self, number: usize) -> Vec<News> {
        self.swarm.news(number, &mut self.told[number])
    }

    /// What it was told last of whom it takes from.
    fn supplier(&mut self, number: usize) -> Option<Supplier> {
        let news = self.news(number);
        news.into_iter().rev().find_map(|news| match news {
            News::From(supplier) => Some(supplier),
            _ => None,
        })
    }

    /// Time passes, and all look whether they are served well.
    fn wait(&mut self, time: Duration) {
        self.now += time;
        for number in 0..self.told.len() {
            if self.swarm.needs_another(number, self.now) {
                self.swarm.choose(number, self.now);
            }
        }
    }
}

fn address(number: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, u8::try_from(number).unwrap()])
}

fn peer(number: usize) -> Option<Supplier> {
    Some(Supplier::Peer(SocketAddr::new(address(number), 7)))
}

fn opened(epoch: u32) -> Opened {
    Opened {
        epoch,
        size: Some(100 * PIECE),
        data: None,
        etag: None,
        last_modified: None,
        expected: None,
        signed_by: None,
        version: None,
    }
}

fn pieces(epoch: u32, first: u64, hashes: &[&str]) -> Pieces {
    Pieces { epoch, first, sha256: hashes.iter().map(|hash| Sha256([hash.as_bytes()[0]; 32])).collect() }
}

#[test]
fn the_first_reads_the_source_and_the_others_make_a_chain() {
    let mut scene = Scene::new(4);
    let suppliers: Vec<_> = (0..4).map(|number| scene.supplier(number)).collect();
    assert_eq!(suppliers, [Some(Supplier::Source), peer(0), peer(1), peer(2)]);
}

#[test]
fn a_chain_does_not_grow_for_ever() {
    let mut scene = Scene::new(18);
    // It stands behind sixteen others, or beside the second: that is the same to it, but not to those behind.
    assert_eq!((scene.supplier(16), scene.supplier(17)), (peer(15), peer(0)));
}

#[test]
fn what_the_leader_says_all_others_are_told_once() {
    let mut scene = Scene::new(2);
    assert_eq!(scene.news(0), [News::From(Supplier::Source)]);
    scene.said(0, Said::Opened(opened(1)));
    scene.said(0, Said::Pieces(pieces(1, 0, &["a", "b"])));
    // Of a follower it is not believed.
    scene.said(1, Said::Pieces(pieces(1, 2, &["x"])));
    let expected =
        [News::Opened(opened(1)), News::Pieces(pieces(1, 0, &["a", "b"])), News::From(peer(0).unwrap())];
    assert_eq!(scene.news(1), expected);
    assert_eq!(scene.news(1), []);
    // What is said again is not told again.
    scene.said(0, Said::Pieces(pieces(1, 1, &["b", "c"])));
    assert_eq!(scene.news(1), [News::Pieces(pieces(1, 2, &["c"]))]);
    scene.said(0, Said::Opened(opened(2)));
    scene.said(0, Said::Pieces(pieces(1, 3, &["of before"])));
    assert_eq!(scene.news(1), [News::Opened(opened(2))]);
    assert_eq!(scene.news(0), []);
}

#[test]
fn the_foremost_goes_on_when_the_leader_is_gone() {
    let mut scene = Scene::new(3);
    (0..3).for_each(|number| _ = scene.news(number));
    for (number, have) in [(0, 50), (1, 20), (2, 30)] {
        scene.swarm.has_come_to(number, have * PIECE);
    }
    scene.swarm.gone(0, None, scene.now);
    scene.wait(Duration::from_millis(250));
    scene.wait(Duration::from_millis(250));
    assert_eq!((scene.supplier(1), scene.supplier(2)), (peer(2), Some(Supplier::Source)));
}

#[test]
fn a_lost_supplier_is_replaced_and_one_out_of_reach_is_reached_through_the_controller() {
    let mut scene = Scene::new(3);
    (0..3).for_each(|number| _ = scene.news(number));
    let lost = |unreachable| Said::Lost { reason: "it ended".to_owned(), unreachable };
    scene.said(2, lost(true));
    assert_eq!(scene.supplier(2), peer(0));
    scene.said(2, lost(true));
    assert_eq!(scene.supplier(2), Some(Supplier::Inbox));
    assert_eq!(scene.swarm.supplier_of(2), Some((1, SocketAddr::new(address(1), 7))));
}

#[test]
fn who_is_behind_because_of_its_supplier_takes_from_another() {
    let mut scene = Scene::new(4);
    (0..4).for_each(|number| _ = scene.news(number));
    // The second is slow, and so is all behind it.
    for (number, have) in [(0, 20), (1, 2), (2, 2), (3, 2)] {
        scene.swarm.has_come_to(number, have * PIECE);
    }
    scene.wait(Duration::from_secs(1));
    // There is nobody else for the slow one, so it stays; the others go where there is more.
    assert_eq!([1, 2, 3].map(|number| scene.supplier(number)), [None, peer(0), peer(0)]);
}

#[test]
fn one_that_is_slow_from_all_is_left_alone_and_supplies_nobody() {
    let mut scene = Scene::new(3);
    (0..3).for_each(|number| _ = scene.news(number));
    for second in 1..40 {
        for (number, have) in [(0, 10), (1, 10), (2, 1)] {
            scene.swarm.has_come_to(number, have * second * PIECE);
        }
        scene.wait(Duration::from_secs(1));
    }
    let _ = scene.supplier(2);
    scene.wait(Duration::from_secs(60));
    assert_eq!(scene.supplier(2), None, "it is not moved about for ever");
    let late = scene.join();
    assert_ne!(scene.supplier(late), peer(2));
}

#[test]
fn what_the_source_says_to_one_it_says_to_all() {
    let refused = Failure::Refused { url: "u".to_owned(), reason: "404".to_owned() };
    let mut scene = Scene::new(2);
    let _ = scene.news(1);
    scene.swarm.gone(0, Some(&refused), scene.now);
    assert_eq!(scene.news(1), [News::Failed(refused)]);
}

#[test]
fn a_source_that_three_nodes_cannot_reach_is_not_tried_by_all() {
    let phase = Phase::Connect;
    let failure = Failure::Unreachable { url: "u".to_owned(), phase, reason: "r".to_owned(), attempts: 5 };
    let mut scene = Scene::new(5);
    for leader in 0..3 {
        (0..5).for_each(|number| _ = scene.news(number));
        scene.swarm.gone(leader, Some(&failure), scene.now);
        scene.wait(Duration::from_millis(250));
    }
    assert_eq!(
        (scene.news(3), scene.news(4)),
        (vec![News::Failed(failure.clone())], vec![News::Failed(failure)])
    );
}

#[test]
fn one_that_joins_late_is_told_all_and_takes_from_one_that_has_it() {
    let mut scene = Scene::new(1);
    scene.said(0, Said::Opened(opened(1)));
    scene.said(0, Said::Pieces(pieces(1, 0, &["a"])));
    let whole = Whole {
        epoch: 1,
        size: PIECE,
        sums: Some(Sums { md5: Md5([1; 16]), sha256: Sha256([1; 32]) }),
        verified_by: None,
        signed_by: None,
        version: None,
        etag: None,
        last_modified: None,
    };
    scene.said(0, Said::Whole(whole.clone()));
    scene.swarm.has(0, PIECE);
    let late = scene.join();
    let expected = [
        News::Opened(opened(1)),
        News::Pieces(pieces(1, 0, &["a"])),
        News::Whole(whole),
        News::From(peer(0).unwrap()),
    ];
    assert_eq!(scene.news(late), expected);
}

/// A scene whose file has no source.
fn given() -> Scene {
    Scene { swarm: Swarm::given(), ..Scene::new(0) }
}

fn join_giver(scene: &mut Scene) -> usize {
    let number = scene.swarm.join_giver(address(scene.told.len()));
    scene.told.push(Told::default());
    scene.said(number, Said::Listening { port: 7 });
    number
}

fn gone() -> Failure {
    Failure::Unreachable {
        url: "x".to_owned(),
        phase: Phase::Transfer,
        reason: "gone".to_owned(),
        attempts: 1,
    }
}

#[test]
fn of_a_file_without_a_source_only_a_giver_leads() {
    let mut scene = given();
    let taker = scene.join();
    assert_eq!(scene.supplier(taker), None, "nobody has it yet");
    let giver = join_giver(&mut scene);
    assert_eq!(scene.supplier(giver), Some(Supplier::Source));
    scene.wait(Duration::from_millis(250));
    assert_eq!(scene.supplier(taker), peer(giver));
    // The next giver goes on, though the taker has more than it has said to have.
    scene.swarm.has_come_to(taker, 3 * PIECE);
    let now = scene.now;
    scene.swarm.gone(giver, None, now);
    scene.wait(Duration::from_secs(10));
    assert_eq!(scene.supplier(taker), None, "it has no source of its own");
    let next = join_giver(&mut scene);
    assert_eq!(scene.supplier(next), Some(Supplier::Source));
    scene.swarm.has(next, 4 * PIECE);
    scene.wait(Duration::from_millis(250));
    assert_eq!(scene.supplier(taker), peer(next));
}

#[test]
fn what_one_giver_refuses_another_may_give() {
    let mut scene = given();
    let (taker, giver) = (scene.join(), join_giver(&mut scene));
    let refusal = Failure::Checksum {
        url: "x".to_owned(),
        algorithm: "digest".to_owned(),
        expected: "a".to_owned(),
        actual: "b".to_owned(),
    };
    let now = scene.now;
    scene.swarm.gone(giver, Some(&refusal), now);
    assert!(!scene.news(taker).iter().any(|news| matches!(news, News::Failed(_))));
    scene.swarm.no_more_givers(gone());
    assert_eq!(scene.news(taker), [News::Failed(gone())]);
}

#[test]
fn who_has_all_gives_when_no_giver_is_left() {
    let mut scene = given();
    let (first, second, giver) = (scene.join(), scene.join(), join_giver(&mut scene));
    scene.swarm.has(giver, PIECE);
    scene.swarm.has(first, PIECE);
    let now = scene.now;
    scene.swarm.gone(giver, None, now);
    scene.swarm.no_more_givers(gone());
    scene.wait(Duration::from_millis(250));
    assert_eq!(scene.supplier(second), peer(first));
    scene.swarm.gone(first, None, now);
    assert_eq!(scene.news(second), [News::Failed(gone())]);
}

#[test]
fn who_had_it_before_gives_it_to_nobody() {
    for mut scene in [given(), Scene::new(0)] {
        let had_it = scene.swarm.join(address(scene.told.len()));
        scene.told.push(Told::default());
        // It found the file in its place, and never listened.
        scene.swarm.has(had_it, PIECE);
        let first = join_giver(&mut scene);
        assert_eq!(scene.supplier(first), Some(Supplier::Source));
        let taker = scene.join();
        assert_eq!(scene.supplier(taker), peer(first));
    }
}

#[test]
fn the_operators_machine_is_reached_through_the_controller_alone() {
    let mut scene = given();
    let (first, second) = (scene.join(), scene.join());
    let operator = scene.swarm.join_giver(address(scene.told.len()));
    scene.swarm.relay_only(operator);
    scene.told.push(Told::default());
    scene.said(operator, Said::Listening { port: 7 });
    assert_eq!(scene.supplier(operator), Some(Supplier::Source));
    scene.wait(Duration::from_millis(250));
    assert_eq!(scene.supplier(first), Some(Supplier::Inbox));
    assert_eq!(scene.supplier(second), peer(first), "the nodes reach each other");
}
