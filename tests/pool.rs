//! A pool has one owner: two operators with catalogues of their own, and one node.

use std::fs;

use serde_json::{Value, json};

use crate::support::truth::{POOL, assert_true, index, stored};
use crate::support::{Ays, Lab, Output, Scene};

const MARK: &str = ".ays-owner.json";

/// A node, the recipes of `x` and `y`, and two operators.
struct Two {
    scene: Scene,
    second: Ays,
}

impl Two {
    /// The first has installed `x`.
    fn new() -> Self {
        let scene = Scene::new();
        scene.publish_x(1);
        for (name, seed) in [("y", 2), ("z", 3)] {
            let file = format!("{name}.qcow2");
            crate::support::qcow2(&scene.origin.file(&file), seed);
            scene.origin.publish_md5(&file);
            let url = format!("http://{}", Lab::SOURCE);
            scene.environment.add_image(name, &url, &format!("/{file}"), "checkmd5:'true'");
        }
        scene.environment.commit();
        scene.succeeds(&[]);
        let second = scene.ays.another(&scene.lab, "second");
        Self { scene, second }
    }

    fn first(&self) -> &Ays {
        &self.scene.ays
    }

    /// The images that the pool's index names.
    fn index(&self) -> Vec<String> {
        let index = index(&self.scene.node).expect("an index");
        let images = index["images"].as_array().expect("images").iter();
        images.map(|image| image["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// What a mark says, as messages have it.
    fn owner(&self) -> String {
        let mark: Value = serde_json::from_slice(&fs::read(self.scene.pool(MARK)).unwrap()).unwrap();
        let text = |key: &str| mark[key].as_str().expect("text").to_owned();
        format!(
            "environment {} (catalogue {}, taken by {})",
            text("environment"),
            &text("catalogue")[..8],
            text("takenBy")
        )
    }
}

fn install(ays: &Ays, image: &str) -> Output {
    ays.run(&["install", "-n", &format!("image_{image}"), "--targetname", "n1"])
}

fn installs(ays: &Ays, image: &str) -> Output {
    let output = install(ays, image);
    assert_eq!(output.code, Some(0), "{output:#?}");
    output
}

fn adopt(ays: &Ays) -> Output {
    ays.run(&["pool", "adopt", "local", "--targetname", "n1"])
}

/// It ended with 1 and said why.
fn assert_refused(output: &Output, image: &str, why: &str) {
    let said = format!(
        "error: image_{image} on n1 was not installed\n  because: check: pool local of n1, {POOL}, {why}: `ays pool adopt local --targetname n1` takes it over with what is \
         there; another directory for it in ays.toml keeps both apart\n"
    );
    assert_eq!((output.code, &output.stderr), (Some(1), &said));
}

#[test]
fn a_second_catalogue_is_refused_before_anything_is_fetched() {
    let two = Two::new();
    let (owner, files) = (two.owner(), two.scene.node.files());
    assert!(owner.starts_with("environment example (catalogue "), "{owner}");
    let before = index(&two.scene.node);
    for image in ["x", "y"] {
        assert_refused(&install(&two.second, image), image, &format!("belongs to {owner}"));
    }
    assert_eq!(two.scene.node.files(), files, "nothing was written");
    assert_eq!(index(&two.scene.node), before);
    assert!(two.scene.origin.requests().iter().all(|request| !request.what.contains("y.qcow2")));
    // The first goes on, and so does whoever shares its catalogue.
    installs(two.first(), "y");
    assert_eq!(two.index(), ["x", "y"]);
}

#[test]
fn an_adopted_pool_keeps_what_is_there() {
    let two = Two::new();
    let (owner, before) = (two.owner(), index(&two.scene.node).unwrap());
    let output = adopt(&two.second);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let said =
        format!("n1: pool local, {POOL}, is this catalogue's: it was of {owner}\n  stays in its index: x\n");
    assert_eq!(output.stdout, said);
    assert_eq!(index(&two.scene.node).unwrap(), before, "it says what it said");

    // The former owner is refused from now on, by every command that writes there.
    let new = two.owner();
    assert_refused(&install(two.first(), "x"), "x", &format!("belongs to {new}"));
    let scrub = two.first().run(&["scrub"]);
    assert_eq!(scrub.code, Some(1), "{scrub:#?}");
    let unread = format!("1 copy not read: n1: pool local of n1, {POOL}, belongs to {new}: `ays pool adopt");
    assert!(scrub.stderr.contains(&unread), "{scrub:#?}");

    // What the second installs is beside it.
    installs(&two.second, "y");
    assert_eq!(two.index(), ["x", "y"]);
    assert_eq!(index(&two.scene.node).unwrap()["images"][0], before["images"][0]);
    assert_eq!(stored(&two.scene.node).len(), 2);
    assert_true(&two.second, &two.scene.node, "y");
    // An image of the same name takes the place of what was adopted.
    installs(&two.second, "x");
    assert_eq!(two.index(), ["x", "y"]);
    assert_true(&two.second, &two.scene.node, "x");

    // And back again.
    let back = two.first().json(&["pool", "adopt", "local", "--targetname", "n1"]);
    assert_eq!(back[0]["kept"], json!(["y"]));
    assert_eq!(two.index(), ["x", "y"]);
    assert_refused(&install(&two.second, "y"), "y", &format!("belongs to {}", two.owner()));
    let again = two.first().json(&["pool", "adopt", "local", "--targetname", "n1"]);
    assert_eq!((&again[0]["wasOurs"], &again[0]["kept"]), (&json!(true), &json!(["y"])));
}

#[test]
fn what_is_not_there_does_not_stay_in_an_adopted_index() {
    let two = Two::new();
    installs(two.first(), "y");
    let gone = stored(&two.scene.node).into_iter().find(|name| name.starts_with("y-")).unwrap();
    fs::remove_file(two.scene.pool(&gone)).unwrap();
    let output = adopt(&two.second);
    let left_out = format!("  left out of its index: y: {gone} is not there as it says\n");
    assert!(output.stdout.ends_with(&left_out), "{output:#?}");
    assert_eq!(two.index(), ["x"]);
}

#[test]
fn an_idle_install_mends_the_index() {
    let two = Two::new();
    assert_eq!(adopt(&two.second).code, Some(0));
    installs(&two.second, "y");
    let path = two.scene.pool("ays-images.json");
    let good = fs::read_to_string(&path).unwrap();
    let idle = |was: &str| {
        let output = installs(&two.second, "y");
        let said = format!("pool local: its ays-images.json {was}; it was written again");
        assert!(output.stdout.contains("nothing to do"), "{output:#?}");
        assert!(format!("{}{}", output.stdout, output.stderr).contains(&said), "{said}: {output:#?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), good);
    };
    for text in ["", "{", "{\"version\": 1, \"images\": []}\n", &good.replace("\"y\"", "\"other\"")] {
        fs::write(&path, text).unwrap();
        idle("was not what the catalogue says");
    }
    fs::remove_file(&path).unwrap();
    idle("was missing");
    // And says nothing where nothing is wrong.
    let output = installs(&two.second, "y");
    assert!(!format!("{}{}", output.stdout, output.stderr).contains("ays-images.json"), "{output:#?}");
}

#[test]
fn a_pool_of_before_is_taken_by_whoever_knows_what_is_in_it() {
    let two = Two::new();
    // Older versions left no mark.
    fs::remove_file(two.scene.pool(MARK)).unwrap();
    let file = stored(&two.scene.node).remove(0);
    let why = format!("has no owner's mark, and its ays-images.json names {file}, unknown here");
    assert_refused(&install(&two.second, "y"), "y", &why);
    assert!(!two.scene.pool(MARK).exists());
    installs(two.first(), "x");
    let owner = two.owner();
    assert_refused(&install(&two.second, "y"), "y", &format!("belongs to {owner}"));
    // Without its mark it can be adopted all the same.
    fs::remove_file(two.scene.pool(MARK)).unwrap();
    let output = adopt(&two.second);
    let said = format!("n1: pool local, {POOL}, is this catalogue's: it had no owner's mark\n");
    assert!(output.stdout.starts_with(&said), "{output:#?}");
    assert_eq!(two.index(), ["x"]);
}

#[test]
fn of_two_that_adopt_a_pool_at_once_one_has_it() {
    let two = Two::new();
    let third = two.scene.ays.another(&two.scene.lab, "third");
    let words = ["pool", "adopt", "local", "--targetname", "n1"];
    let running = [two.second.spawn(&words), third.spawn(&words)];
    let ended = running.map(crate::support::Running::wait);
    assert!(ended.iter().any(|output| output.code == Some(0)), "{ended:#?}");
    for lost in ended.iter().filter(|output| output.code != Some(0)) {
        assert!(lost.stderr.contains("meanwhile: agree with them"), "{lost:#?}");
    }
    let working: Vec<_> =
        [two.first(), &two.second, &third].map(|ays| install(ays, "y").code == Some(0)).into();
    assert_eq!(working.iter().filter(|works| **works).count(), 1, "{working:?} {ended:#?}");
    assert!(!working[0], "the first has lost it");
    assert_eq!(two.index(), ["x", "y"]);
}

#[test]
fn what_cannot_be_adopted_is_told() {
    let two = Two::new();
    let output = two.second.run(&["pool", "adopt", "vmstor", "--targetname", "n1"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert!(
        output.stderr.starts_with("error: n1 keeps its templates in pool local, not in vmstor\n"),
        "{output:#?}"
    );
    fs::remove_dir_all(two.scene.node.path(POOL)).unwrap();
    let output = adopt(&two.second);
    assert_eq!(output.code, Some(1), "{output:#?}");
    let said = "error: pool local of n1 was not adopted: it has neither an owner nor an index: the first install takes it\n";
    assert_eq!(output.stderr, said);
}
