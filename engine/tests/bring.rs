//! Contents brought from pool to pool, and stored files removed, on nodes that a script plays.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use ays_catalogue::{
    Catalogue, ChangedBy, CopyState as Recorded, ImageFacts, Place, Registration, SourceFacts, StackFacts,
    StoredFacts, TemplateFacts, Timestamp,
};
use ays_engine::{
    Arrived, Bring, BringError, Brought, FileEnd, NoRoom, NotBrought, Recorder, RemoveError, RemoveFiles,
    Stopper, ToBring,
};
use ays_model::{
    BootType, Content, Digest, DiskFormat, Gid, Md5, Node, NodeName, Pool, PoolOwner, Sha256, Target,
};
use ays_protocol::{
    CheckedCopy, CopyState, Directory, Examined, Failure, FileUse, IndexBefore, Outcome, PassedCopy,
    PoolClaim, Removal, RemovedCopies, RemovedCopy, Stamp, Step, Stored, StoredFile,
};
use ays_transport::{Scripted, Transport};
use tempfile::TempDir;

const FILE: &str = "x-000000000001.raw";

const STAMP: Stamp = Stamp { device: 0, inode: 0, size: 0, modified_ns: 0 };

fn content() -> Content {
    Content([1; 32])
}

fn pool(format: DiskFormat, shared: bool) -> Pool {
    let users = vec!["/vm".into()];
    Pool { name: "local".into(), path: "/pool".into(), format, shared, user: None, users }
}

fn node(name: &str, gid: u32, pool: Pool) -> Target {
    Target::Node(Box::new(Node {
        name: name.into(),
        template: "node.ssh".into(),
        host: "127.0.0.1".to_owned(),
        port: None,
        login: None,
        has_password: false,
        key: None,
        gateway: None,
        gid: Gid(gid),
        pool,
        stack: true,
    }))
}

type Answer = dyn Fn(&str, &Step) -> Option<Result<Outcome, Failure>> + Send + Sync;

/// Nodes, and what they and the catalogue were asked to do, in order.
struct Scene {
    _directory: TempDir,
    catalogue: Catalogue,
    owner: PoolOwner,
    nodes: Vec<Target>,
    done: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    /// Each of them is a stack; `has` have the file in their raw pools.
    async fn new(nodes: Vec<Target>, has: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalogue =
            Catalogue::open(&Place::File(directory.path().join("catalogue.db")), &"environment".into())
                .await
                .unwrap();
        let owner = catalogue.owner("test".to_owned()).await.unwrap();
        let stacks: Vec<_> = nodes
            .iter()
            .map(|node| StackFacts { name: node.name().clone(), pool: node.pool_key() })
            .collect();
        let by = ChangedBy { actor: "ops@c".to_owned(), reason: None, at: Timestamp::now() };
        catalogue.set_stacks(&stacks, &[], None, &by).await.unwrap();
        for target in nodes.iter().filter(|node| has.contains(&node.name().as_str())) {
            catalogue.register(&registration(target), &Timestamp::now()).await.unwrap();
        }
        Self { _directory: directory, catalogue, owner, nodes, done: Arc::default() }
    }

    fn transport(
        &self,
        answer: impl Fn(&str, &Step) -> Option<Result<Outcome, Failure>> + Send + Sync + 'static,
    ) -> Transport {
        let (done, answer): (_, Box<Answer>) = (Arc::clone(&self.done), Box::new(answer));
        Transport::Scripted(Scripted::new(move |node, step| {
            if let Some(what) = changes(step) {
                done.lock().unwrap().push(format!("{node} {what}"));
            }
            answer(node, step).unwrap_or_else(|| Ok(well(step)))
        }))
    }

    async fn bring(
        &self,
        to: &[&str],
        answer: impl Fn(&str, &Step) -> Option<Result<Outcome, Failure>> + Send + Sync + 'static,
    ) -> Result<Brought, BringError> {
        let mut copies = self.catalogue.copies_to_scrub(None).await.unwrap().unwrap();
        copies.retain(|copy| copy.state == Recorded::Verified);
        let pools = self.nodes.iter().filter(|node| to.contains(&node.name().as_str()));
        let what = ToBring {
            content: Digest::FsVerity(content()),
            copies,
            pools: pools.map(Target::pool_key).collect(),
        };
        let (_stopper, stop) = Stopper::new();
        let record = |arrived: Arrived| -> ays_engine::Recording<'_, ()> {
            let node = self.nodes.iter().find(|node| node.pool_key() == arrived.pool).unwrap();
            Box::pin(async move {
                self.done.lock().unwrap().push(format!("catalogue {} {}", arrived.node, arrived.file));
                let stored = StoredFacts {
                    file: arrived.file,
                    format: arrived.format,
                    digest: arrived.digest,
                    size: arrived.size,
                    ..registration(node).stored
                };
                let all = Registration { stored, ..registration(node) };
                self.catalogue.register(&all, &Timestamp::now()).await.map(drop)
            })
        };
        let rehearse = |arrived: Arrived| -> ays_engine::Recording<'_, _> {
            let node = self.nodes.iter().find(|node| node.pool_key() == arrived.pool).unwrap();
            Box::pin(async move { self.catalogue.rehearse(&registration(node), &Timestamp::now()).await })
        };
        let bring = Bring {
            nodes: &self.nodes,
            catalogue: &self.catalogue,
            owner: &self.owner,
            transport: &self.transport(answer),
            parallel: NonZeroUsize::new(1).unwrap(),
        };
        bring.run(&what, &Recorder { rehearse: &rehearse, record: &record }, &stop, &|_| {}).await
    }

    async fn remove(
        &self,
        removal: Removal,
        answer: impl Fn(&str, &Step) -> Option<Result<Outcome, Failure>> + Send + Sync + 'static,
    ) -> Result<Vec<FileEnd>, RemoveError> {
        let transport = self.transport(answer);
        let files = ["a.raw", "b.raw"].map(|file| StoredFile { file: file.to_owned(), size: Some(1) });
        let (_stopper, stop) = Stopper::new();
        let remove = RemoveFiles {
            unrecorded: &[],
            nodes: &self.nodes,
            catalogue: &self.catalogue,
            owner: &self.owner,
            transport: &transport,
        };
        remove.run(&self.nodes[0].pool_key(), &files, removal, &stop, &|_| {}).await
    }

    fn done(&self) -> Vec<String> {
        std::mem::take(&mut self.done.lock().unwrap())
    }

    async fn states(&self) -> Vec<(NodeName, Recorded)> {
        let copies = self.catalogue.copies_to_scrub(None).await.unwrap().unwrap();
        copies.into_iter().map(|copy| (copy.pool.node.unwrap(), copy.state)).collect()
    }
}

/// The image in a node's pool.
fn registration(target: &Target) -> Registration {
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
            url: "http://images.example/x.qcow2".to_owned(),
            etag: None,
            last_modified: None,
            md5: Md5([1; 16]),
            sha256: Sha256([1; 32]),
            size: 500,
            verified_by: None,
            signed_by: None,
            version: None,
        },
        stored: StoredFacts {
            file: FILE.to_owned(),
            format: DiskFormat::Raw,
            content: Digest::FsVerity(content()),
            digest: Digest::FsVerity(content()),
            size: 1 << 20,
            virtual_size: 1 << 20,
        },
        template: TemplateFacts { name: "image_x".into(), checksum: Md5([2; 16]), commit: None },
        by: "test".to_owned(),
        pool: target.pool_key(),
        wanted_on: vec![target.name().clone()],
    }
}

/// What a step changes, or gives, on a node.
fn changes(step: &Step) -> Option<String> {
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    Some(match step {
        Step::GiveCopy(order) => format!("gives {}", name(&order.path)),
        Step::TakeCopy(order) => format!("takes {}", name(&order.path)),
        Step::StoreImage(order) => format!("converts {} to {}", name(&order.source), order.format.as_str()),
        Step::Remove(path) => format!("removes {}", name(path)),
        Step::WriteIndex(order) => format!("index {}", order.content.matches("\"file\"").count()),
        Step::RemoveCopies(order) => format!("{:?} {}", order.removal, order.files.len()),
        _ => return None,
    })
}

fn passed() -> PassedCopy {
    PassedCopy { size: 1 << 20, kept: false, resumed_at: 0, received: 4096, stamp: STAMP }
}

fn well(step: &Step) -> Outcome {
    match step {
        Step::CheckRequirements(_) | Step::CheckOwner(_) => Outcome::Ready,
        Step::CheckCopy(_) => {
            Outcome::Checked(CheckedCopy { state: CopyState::Good, data: 4096, named: None })
        }
        Step::Examine(_) => examined(1 << 30),
        Step::GiveCopy(_) | Step::TakeCopy(_) => Outcome::Passed(passed()),
        Step::WriteIndex(_) => Outcome::Written(IndexBefore::Other.into()),
        Step::Remove(_) => Outcome::Removed,
        Step::RemoveCopies(order) => {
            let state =
                if order.removal == Removal::Look { RemovedCopy::Unused } else { RemovedCopy::Removed };
            Outcome::RemovedCopies(RemovedCopies {
                files: vec![state; order.files.len()],
                unseen: 0,
                not_refreshed: None,
            })
        }
        Step::StoreImage(_) => stored(content()),
        other => panic!("{other:?}"),
    }
}

fn examined(free: u64) -> Outcome {
    let directory = Directory { exists: true, free, leftovers: Vec::new() };
    Outcome::Examined(Box::new(Examined {
        clock_ms: 0,
        qemu_img: Ok("7.2.9".to_owned()),
        pool: Ok(directory.clone()),
        downloads: Ok(directory),
        obstacles: Vec::new(),
    }))
}

fn stored(content: Content) -> Outcome {
    Outcome::Stored(Stored {
        file: "x-000000000001.qcow2".to_owned(),
        content,
        digest: Digest::FsVerity(Content([9; 32])),
        size: 5000,
        virtual_size: 1 << 20,
        source_format: "raw".to_owned(),
        kept: false,
        found: Err("nobody looked".to_owned()),
    })
}

fn bad() -> Failure {
    Failure::Checksum {
        url: "/pool/x".to_owned(),
        algorithm: "fs-verity digest".to_owned(),
        expected: "a".to_owned(),
        actual: "b".to_owned(),
    }
}

fn raw(names: &[&str]) -> Vec<Target> {
    names.iter().map(|name| node(name, 1, pool(DiskFormat::Raw, false))).collect()
}

fn arrived(end: &Result<Arrived, NotBrought>) -> (&str, &str, Option<&str>) {
    let arrived = end.as_ref().unwrap();
    (arrived.node.as_str(), &arrived.file, arrived.from.as_ref().map(NodeName::as_str))
}

#[tokio::test]
async fn all_pools_take_it_and_each_is_recorded_after_its_index() {
    let scene = Scene::new(raw(&["n1", "n2", "n3"]), &["n1"]).await;
    let ends = scene.bring(&["n2", "n3"], |_, _| None).await.unwrap();
    assert_eq!(arrived(&ends[0]), ("n2", FILE, Some("n1")));
    assert_eq!(arrived(&ends[1]), ("n3", FILE, Some("n1")));
    let done = scene.done();
    let of = |node: &str| -> Vec<String> {
        let begins = [format!("{node} "), format!("catalogue {node} ")];
        done.iter().filter(|line| begins.iter().any(|begin| line.starts_with(begin))).cloned().collect()
    };
    for node in ["n2", "n3"] {
        let expected = [
            format!("{node} takes {FILE}"),
            format!("{node} index 1"),
            format!("catalogue {node} {FILE}"),
            format!("{node} index 1"),
        ];
        assert_eq!(of(node), expected);
    }
    assert_eq!(of("n1"), [format!("n1 gives {FILE}")]);
    let verified = |name: &str| (name.into(), Recorded::Verified);
    assert_eq!(scene.states().await, [verified("n1"), verified("n2"), verified("n3")]);
}

#[tokio::test]
async fn without_room_in_one_pool_nothing_moves() {
    let scene = Scene::new(raw(&["n1", "n2", "n3"]), &["n1"]).await;
    let ends = scene
        .bring(&["n2", "n3"], |node, step| match step {
            Step::Examine(_) if node == "n3" => Some(Ok(examined(4095))),
            _ => None,
        })
        .await;
    let Err(BringError::NoRoom(rooms)) = ends else { panic!("{ends:?}") };
    let pool = scene.nodes[2].pool_key();
    assert_eq!(rooms, [NoRoom { pool, node: "n3".into(), needed: 4096, free: 4095 }]);
    assert_eq!(scene.done(), [""; 0]);
}

#[tokio::test]
async fn another_copy_is_given_where_the_first_is_bad_and_that_is_offered_no_more() {
    let scene = Scene::new(raw(&["n1", "n2", "n3"]), &["n1", "n2"]).await;
    let ends = scene
        .bring(&["n3"], |node, step| match step {
            Step::GiveCopy(_) if node == "n1" => Some(Err(bad())),
            Step::CheckCopy(copy) if node == "n1" && copy.read.is_some() => {
                let state = CopyState::Damaged;
                Some(Ok(Outcome::Checked(CheckedCopy { state, data: 0, named: None })))
            }
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(arrived(&ends[0]), ("n3", FILE, Some("n2")));
    let expected = [("n1", Recorded::Damaged), ("n2", Recorded::Verified), ("n3", Recorded::Verified)];
    assert_eq!(scene.states().await, expected.map(|(name, state)| (name.into(), state)));
    assert!(scene.done().contains(&"n1 index 0".to_owned()));
}

#[tokio::test]
async fn a_pool_says_why_it_has_nothing_and_stops_no_other() {
    let scene = Scene::new(raw(&["n1", "n2", "n3"]), &["n1"]).await;
    let ends = scene
        .bring(&["n2", "n3"], |node, step| match step {
            Step::TakeCopy(_) if node == "n2" => Some(Err(bad())),
            _ => None,
        })
        .await
        .unwrap();
    assert!(matches!(&ends[0], Err(NotBrought::Helper { node, .. }) if node.as_str() == "n2"), "{ends:?}");
    assert_eq!(arrived(&ends[1]), ("n3", FILE, Some("n1")));
    let ends = scene
        .bring(&["n2"], |_, step| match step {
            Step::GiveCopy(_) => Some(Err(bad())),
            _ => None,
        })
        .await
        .unwrap();
    assert!(matches!(&ends[0], Err(NotBrought::NoGiver { .. })), "{ends:?}");
}

#[tokio::test]
async fn a_pool_of_another_format_converts_what_it_takes() {
    let mut nodes = raw(&["n1"]);
    nodes.push(node("n2", 1, pool(DiskFormat::Qcow2, false)));
    let scene = Scene::new(nodes, &["n1"]).await;
    let ends = scene.bring(&["n2"], |_, _| None).await.unwrap();
    assert_eq!(arrived(&ends[0]), ("n2", "x-000000000001.qcow2", Some("n1")));
    let temporary = format!(".{FILE}.ays-bring");
    assert_eq!(
        scene.done()[1..],
        [
            format!("n2 takes {temporary}"),
            format!("n2 converts {temporary} to qcow2"),
            format!("n2 removes {temporary}"),
            "n2 index 1".to_owned(),
            "catalogue n2 x-000000000001.qcow2".to_owned(),
            "n2 index 1".to_owned(),
        ]
    );
}

#[tokio::test]
async fn what_a_conversion_made_another_content_is_not_recorded() {
    let mut nodes = raw(&["n1"]);
    nodes.push(node("n2", 1, pool(DiskFormat::Qcow2, false)));
    let scene = Scene::new(nodes, &["n1"]).await;
    let ends = scene
        .bring(&["n2"], |_, step| match step {
            Step::StoreImage(_) => Some(Ok(stored(Content([2; 32])))),
            _ => None,
        })
        .await
        .unwrap();
    let became = Digest::FsVerity(Content([2; 32]));
    assert!(
        matches!(&ends[0], Err(NotBrought::Converted { became: found, .. }) if *found == became),
        "{ends:?}"
    );
    let done = scene.done();
    assert!(done.contains(&"n2 removes x-000000000001.qcow2".to_owned()), "{done:?}");
    assert!(!done.iter().any(|line| line.starts_with("catalogue")), "{done:?}");
}

#[tokio::test]
async fn the_nearest_copy_is_given() {
    let grids = [("n1", 1), ("n2", 2), ("n3", 2), ("n4", 1)];
    let nodes = grids.map(|(name, gid)| node(name, gid, pool(DiskFormat::Raw, false))).to_vec();
    let scene = Scene::new(nodes, &["n1", "n2"]).await;
    let ends = scene.bring(&["n3", "n4"], |_, _| None).await.unwrap();
    assert_eq!(arrived(&ends[0]), ("n3", FILE, Some("n2")));
    assert_eq!(arrived(&ends[1]), ("n4", FILE, Some("n1")));
}

fn known(claim: &PoolClaim) -> usize {
    claim.known.len()
}

#[tokio::test]
async fn all_nodes_of_a_shared_pool_are_asked_before_one_removes() {
    let shared = || pool(DiskFormat::Raw, true);
    let scene = Scene::new(vec![node("n1", 1, shared()), node("n2", 1, shared())], &[]).await;
    let by = FileUse::Process { pid: 7, command: "qemu".to_owned() };
    let used = by.clone();
    let answer = move |node: &str, step: &Step| match step {
        Step::RemoveCopies(order) => {
            assert_eq!((known(&order.claim), order.users.len()), (0, 1));
            let files = vec![RemovedCopy::Kept(vec![used.clone()]), RemovedCopy::Unused];
            (node == "n2").then_some(Ok(Outcome::RemovedCopies(RemovedCopies {
                files,
                unseen: 0,
                not_refreshed: None,
            })))
        }
        _ => None,
    };
    let ends = scene.remove(Removal::Look, answer.clone()).await.unwrap();
    let kept = FileEnd::Kept(vec![ays_engine::InUse { node: "n2".into(), path: "/pool/a.raw".into(), by }]);
    assert_eq!(ends, [kept.clone(), FileEnd::Unused]);
    assert_eq!(scene.done().len(), 2);
    let ends = scene.remove(Removal::Remove, answer).await.unwrap();
    assert_eq!(ends, [kept, FileEnd::Removed]);
    let mut done = scene.done();
    done[..2].sort();
    assert_eq!(done, ["n1 Look 2", "n2 Look 2", "n1 Remove 1"]);
}

#[tokio::test]
async fn nothing_is_removed_when_a_node_of_the_pool_does_not_say() {
    let shared = || pool(DiskFormat::Raw, true);
    let scene = Scene::new(vec![node("n1", 1, shared()), node("n2", 1, shared())], &[]).await;
    let ends = scene
        .remove(Removal::Remove, |node, step| match step {
            Step::RemoveCopies(_) if node == "n2" => Some(Err(bad())),
            _ => None,
        })
        .await;
    assert!(matches!(&ends, Err(RemoveError::Helper { node, .. }) if node.as_str() == "n2"), "{ends:?}");
    assert!(!scene.done().iter().any(|line| line.contains("Remove")));
}
