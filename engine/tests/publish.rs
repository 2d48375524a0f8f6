//! One change, and the indexes of a hundred pools: when it is true where, whatever nodes meet.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ays_catalogue::{
    Catalogue, Change, ChangedBy, ImageFacts, ImageId, ImageMove, Place, Registration, SourceFacts,
    StackFacts, StoredFacts, TemplateFacts, Timestamp,
};
use ays_engine::{Direction, Publish, Published, Stopper};
use ays_model::{BootType, DiskFormat, Gid, Md5, Node, NodeName, Pool, Target};
use ays_protocol::{Failure, IndexBefore, Outcome, Step};
use ays_transport::{Scripted, Transport};
use serde_json::Value;
use tempfile::TempDir;

#[path = "../../catalogue/tests/support/postgres.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod postgres;

/// What each node's index says of the image: the generation's number, and nothing where it does not name it.
type Indexes = Arc<Mutex<HashMap<String, Vec<Option<u64>>>>>;

/// Pools with two generations of an image, a node each.
struct Scene {
    _directory: TempDir,
    catalogue: Catalogue,
    targets: Vec<Target>,
    indexes: Indexes,
}

impl Scene {
    async fn new(nodes: u32) -> Self {
        Self::at(nodes, None).await
    }

    /// With a catalogue elsewhere than in a file.
    async fn at(nodes: u32, place: Option<Place>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = place.unwrap_or_else(|| Place::File(directory.path().join("catalogue.db")));
        let catalogue = Catalogue::open(&place, &"environment".into()).await.unwrap();
        let targets: Vec<_> = (0..nodes).map(target).collect();
        let stacks: Vec<_> = targets
            .iter()
            .map(|target| StackFacts { name: target.name().clone(), pool: target.pool_key() })
            .collect();
        catalogue.set_stacks(&stacks, &[], None, &by()).await.unwrap();
        for (content, target) in
            [1, 2].into_iter().flat_map(|content| targets.iter().map(move |t| (content, t)))
        {
            catalogue.register(&registration(content, target), &Timestamp::now()).await.unwrap();
        }
        Self { _directory: directory, catalogue, targets, indexes: Indexes::default() }
    }

    /// Makes a change while the node of this name refuses everything.
    async fn change(&self, change: Change, direction: Direction, broken: Option<&str>) -> Published {
        let owner = self.catalogue.owner("test".to_owned()).await.unwrap();
        let (indexes, broken) = (Arc::clone(&self.indexes), broken.map(str::to_owned));
        let nodes = Scripted::new(move |node, step| {
            let Step::WriteIndex(index) = step else { panic!("not of a change: {step:?}") };
            if broken.as_deref() == Some(node) {
                return Err(Failure::Tool { tool: "disk".to_owned(), reason: "it is full".to_owned() });
            }
            let content: Value = serde_json::from_str(&index.content).unwrap();
            let generation = content["images"][0]["generation"].as_u64();
            indexes.lock().unwrap().entry(node.to_owned()).or_default().push(generation);
            Ok(Outcome::Written(IndexBefore::Other.into()))
        });
        let publish = Publish {
            nodes: &self.targets,
            catalogue: &self.catalogue,
            owner: &owner,
            transport: &Transport::Scripted(nodes),
            parallel: NonZeroUsize::new(32).unwrap(),
            tell: &|_| {},
        };
        let (_stopper, stop) = Stopper::new();
        publish.change(change, &by(), direction, &stop).await.unwrap()
    }

    /// What was written into a node's index since the last question.
    fn written(&self, node: &str) -> Vec<Option<u64>> {
        self.indexes.lock().unwrap().remove(node).unwrap_or_default()
    }

    async fn offered(&self, node: usize) -> Option<u32> {
        let offers = self.catalogue.offers(&self.targets[node].pool_key()).await.unwrap();
        offers.first().map(|offer| offer.generation)
    }
}

fn by() -> ChangedBy {
    ChangedBy { actor: "ops@c".to_owned(), reason: None, at: Timestamp::now() }
}

fn target(number: u32) -> Target {
    Target::Node(Box::new(Node {
        name: NodeName::from(format!("n{number:03}")),
        template: "node.ssh".into(),
        host: "127.0.0.1".to_owned(),
        port: None,
        login: None,
        has_password: false,
        key: None,
        gateway: None,
        gid: Gid(1),
        pool: Pool {
            name: "local".into(),
            path: PathBuf::from("/pool"),
            format: DiskFormat::Raw,
            shared: false,
            user: None,
            users: Vec::new(),
        },
        stack: true,
    }))
}

fn registration(content: u32, target: &Target) -> Registration {
    let digest = || format!("fsverity-sha256:{content:064x}").parse().unwrap();
    Registration {
        image: ImageFacts {
            name: "x".into(),
            description: None,
            category: "Linux".into(),
            size_gb: 10,
            username: None,
            boot_type: BootType::Bios,
            hot_resize: true,
        },
        source: SourceFacts {
            url: "http://h/x".to_owned(),
            etag: None,
            last_modified: None,
            md5: Md5([0; 16]),
            sha256: format!("{content:064x}").parse().unwrap(),
            size: 5,
            verified_by: None,
            signed_by: None,
            version: None,
        },
        stored: StoredFacts {
            file: format!("x-{content}.raw"),
            format: DiskFormat::Raw,
            content: digest(),
            digest: digest(),
            size: 5,
            virtual_size: 5,
        },
        template: TemplateFacts { name: "image_x".into(), checksum: Md5([0; 16]), commit: None },
        by: "test".to_owned(),
        pool: target.pool_key(),
        wanted_on: vec![target.name().clone()],
    }
}

#[tokio::test]
async fn an_undo_is_in_a_hundred_indexes_within_two_seconds() {
    undo_a_hundred("SQLite", Scene::new(100).await).await;
    let server = postgres::Postgres::start();
    let place = Place::Postgres(server.address().parse().unwrap());
    undo_a_hundred("PostgreSQL", Scene::at(100, Some(place)).await).await;
}

async fn undo_a_hundred(database: &str, scene: Scene) {
    let begun = Instant::now();
    let done = scene.change(Change::Undo(ImageId(1), None), Direction::More, None).await;
    let took = begun.elapsed();
    println!("{database}: undo on 100 scripted stacks: {took:.2?}");
    assert!(done.failed.is_empty(), "{:?}", done.failed);
    for target in &scene.targets {
        // As the catalogue will say, and as it says.
        assert_eq!(scene.written(target.name()), [Some(1), Some(1)], "{}", target.name());
    }
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_node_that_refuses_is_named_and_holds_nobody_up() {
    let scene = Scene::new(5).await;
    let undo = Change::Undo(ImageId(1), Some(1));
    let done = scene.change(undo.clone(), Direction::More, Some("n003")).await;
    let failed: Vec<_> = done.failed.iter().map(|not| not.pool.node.clone().unwrap()).collect();
    assert_eq!(failed, ["n003"]);
    assert_eq!((scene.offered(0).await, scene.offered(3).await), (Some(1), Some(1)), "it is recorded");
    assert_eq!((scene.written("n002").len(), scene.written("n003").len()), (2, 0));

    // Done again, it changes nothing but that index.
    let done = scene.change(undo, Direction::More, None).await;
    assert!(done.changed.is_same() && done.failed.is_empty(), "{done:?}");
    assert_eq!(scene.written("n003"), [Some(1), Some(1)]);
}

#[tokio::test]
async fn what_is_taken_away_is_recorded_before_indexes_lack_it() {
    let scene = Scene::new(3).await;
    let disable = Change::Image(ImageId(1), ImageMove::Disable);
    let done = scene.change(disable, Direction::Less, Some("n001")).await;
    assert_eq!(done.failed.len(), 1);
    assert_eq!(scene.offered(1).await, None);
    assert_eq!((scene.written("n000"), scene.written("n001")), (vec![None], vec![]));
}
