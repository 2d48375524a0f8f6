//! The life of an image on sixteen nodes, while a reader looks at all that others read: what is offered verifies, always.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::server::{Served, serve};
use crate::states::{generation, publish};
use crate::support::lab::run;
use crate::support::truth::{POOL, assert_true, stored};
use crate::support::{Many, digest, sha256};

const NODES: u8 = 16;

/// Digests of files that do not change.
#[derive(Default)]
struct Known(HashMap<(u64, u64, i64, i64), String>);

impl Known {
    fn of(&mut self, path: &Path, measure: fn(&Path) -> String) -> Option<String> {
        let about = fs::metadata(path).ok()?;
        let same = (about.ino(), about.len(), about.ctime(), about.ctime_nsec());
        Some(self.0.entry(same).or_insert_with(|| measure(path)).clone())
    }
}

/// What others read.
struct Reader {
    /// The pools by their nodes' names.
    pools: Vec<(String, PathBuf)>,
    /// The feed's directory.
    feed: PathBuf,
    server: String,
    token: String,
    rounds: AtomicUsize,
    /// A disk was damaged by hand, and nothing has read it since.
    is_damaged: AtomicBool,
    is_over: AtomicBool,
}

impl Reader {
    fn get(&self, path: &str) -> Value {
        let bearer = format!("Authorization: Bearer {}", self.token);
        let said = run("curl", &["-sS", "--fail", "-H", &bearer, &format!("{}/{path}", self.server)]);
        serde_json::from_str(&said).unwrap()
    }

    fn look(&self) {
        let mut known = Known::default();
        while !self.is_over.load(Ordering::SeqCst) {
            let was_damaged = self.is_damaged.load(Ordering::SeqCst);
            for (node, pool) in &self.pools {
                let read = || fs::read_to_string(pool.join("ays-images.json")).ok();
                let through = || Some(self.get(&format!("api/v1/stacks/{node}/images")).to_string());
                let asked: [&dyn Fn() -> Option<String>; 2] = [&read, &through];
                for ask in asked {
                    let wrong = |text: &str, known: &mut Known| -> Option<String> {
                        let index: Value = serde_json::from_str(text).unwrap();
                        index["images"].as_array().unwrap().iter().find_map(|image| {
                            let there = known.of(&pool.join(image["file"].as_str().unwrap()), digest);
                            let is_right =
                                there.is_some_and(|it| image["digest"] == format!("fsverity-sha256:{it}"));
                            (!is_right).then(|| image.to_string())
                        })
                    };
                    let Some(text) = ask() else { continue };
                    if let Some(image) = wrong(&text, &mut known) {
                        // What was taken away between the two looks is no lie.
                        let is_still_said = ask().is_some_and(|again| again == text);
                        let is_excused = was_damaged || self.is_damaged.load(Ordering::SeqCst);
                        assert!(!is_still_said || is_excused, "{node} offers {image}");
                    }
                }
            }
            let products = self.get("streams/v1/images.json");
            for product in products["products"].as_object().unwrap().values() {
                for version in product["versions"].as_object().unwrap().values() {
                    let disk = &version["items"]["disk-kvm.img"];
                    let there = known.of(
                        &self
                            .feed
                            .join("images")
                            .join(disk["path"].as_str().unwrap().rsplit('/').next().unwrap()),
                        sha256,
                    );
                    let is_still_said = || self.get("streams/v1/images.json") == products;
                    assert!(
                        there.is_some_and(|it| disk["sha256"] == it) || !is_still_said(),
                        "the feed has {disk}"
                    );
                }
            }
            self.rounds.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until all was read since now.
    fn round(&self) {
        let begun = self.rounds.load(Ordering::SeqCst);
        while self.rounds.load(Ordering::SeqCst) < begun + 2 && !self.is_over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The reader ends with the test, also when that fails.
struct Ending<'a>(&'a Reader);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

#[test]
fn whatever_happens_to_an_image_what_is_offered_verifies() {
    let scene = Many::new(NODES, 4);
    let feed = scene.lab.dir().join("feed");
    let Served { server, url, tokens } =
        serve(&scene.ays, &["--jobs", "0", "--feed", &feed.display().to_string()]);
    let reader = Reader {
        pools: scene.nodes.iter().map(|node| (node.name.clone(), node.path(POOL))).collect(),
        feed,
        server: url,
        token: tokens[0].clone(),
        rounds: AtomicUsize::new(0),
        is_damaged: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
    };
    let generations = || scene.nodes.iter().map(generation).collect::<Vec<_>>();
    let all_true = || scene.nodes.iter().for_each(|node| assert_true(&scene.ays, node, "x"));
    // From the source to all. The stacks are known with the first install.
    scene.succeeds(&["--targetname", "n1"]);
    thread::scope(|scope| {
        let _ending = Ending(&reader);
        let looking = scope.spawn(|| {
            let _ending = Ending(&reader);
            reader.look();
        });

        scene.ays.succeeds(&["image", "availability", "x", "--all"]);
        assert_eq!(generations(), [Some(1); NODES as usize]);
        let first = stored(&scene.nodes[0]);

        // A new generation, in waves.
        publish(&scene, 7);
        scene.succeeds(&["--targetname", "n1", "-r"]);
        scene.ays.succeeds(&["image", "availability", "x", "--canary", "1,25%,100%"]);
        assert_eq!(generations(), [Some(2); NODES as usize]);
        all_true();
        reader.round();

        // A copy that is damaged is taken away, healed, and offered again.
        let new = stored(&scene.nodes[4]).into_iter().find(|file| !first.contains(file)).unwrap();
        reader.is_damaged.store(true, Ordering::SeqCst);
        let disk = OpenOptions::new().write(true).open(scene.nodes[4].path(POOL).join(&new)).unwrap();
        disk.write_all_at(b"rotten", 100_000).unwrap();
        drop(disk);
        let scrubbed = scene.ays.run(&["scrub", "x", "--heal"]);
        assert!(scrubbed.stdout.contains("healed"), "{scrubbed:#?}");
        reader.is_damaged.store(false, Ordering::SeqCst);
        assert_eq!(generations(), [Some(2); NODES as usize]);
        all_true();
        reader.round();

        // Back, everywhere at once; what nobody offers any more goes.
        scene.ays.succeeds(&["image", "undo", "x"]);
        assert_eq!(generations(), [Some(1); NODES as usize]);
        reader.round();
        scene.ays.succeeds(&["image", "prune", "x", "--keep", "0", "--yes"]);
        assert!(scene.nodes.iter().all(|node| stored(node) == first));
        all_true();
        reader.round();

        // And the image itself.
        scene.ays.succeeds(&["image", "delete", "x", "--permanently", "--yes"]);
        assert!(scene.nodes.iter().all(|node| stored(node).is_empty()));
        reader.round();
        drop(_ending);
        looking.join().unwrap();
    });
    assert!(reader.rounds.load(Ordering::SeqCst) > 8, "the reader has seen too little");
    drop(server);
}
