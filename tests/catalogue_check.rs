//! The catalogue and the pools are held against each other, and what differs is told, and mended when it is safe.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::states::{fails, generation, install_next};
use crate::support::lab::run;
use crate::support::truth::{POOL, assert_true, index, stored};
use crate::support::{Many, Node, Output};

const CHECK: [&str; 2] = ["catalogue", "check"];
const REPAIR: [&str; 3] = ["catalogue", "check", "--repair"];

/// What a check prints, and its exit code.
fn check(scene: &Many, command: &[&str], code: i32) -> Value {
    let output = scene.ays.run(&[command, &["--json"]].concat());
    assert_eq!(output.code, Some(code), "{output:#?}");
    serde_json::from_str(&output.stdout).unwrap()
}

/// The node, the code and the file of each finding, and whether it is mended.
fn findings(report: &Value) -> Vec<Value> {
    assert_eq!(report["records"], json!([]), "{report:#}");
    let pools = report["pools"].as_array().unwrap().iter();
    pools
        .flat_map(|pool| {
            let findings = pool["findings"].as_array().unwrap().iter();
            findings
                .map(|found| json!([pool["node"], found["code"], found["file"], found["mended"].is_string()]))
        })
        .collect()
}

fn assert_well(scene: &Many) {
    let report = check(scene, &CHECK, 0);
    assert_eq!(findings(&report), [] as [Value; 0], "{report:#}");
    scene.nodes.iter().for_each(|node| assert_true(&scene.ays, node, "x"));
}

fn the_file(node: &Node) -> String {
    let [file] = &stored(node)[..] else { panic!("one file: {:?}", stored(node)) };
    file.clone()
}

#[test]
fn a_check_of_what_is_true_finds_nothing_and_changes_nothing() {
    let scene = Many::new(2, 1);
    // Nothing is installed anywhere.
    assert_well(&scene);
    scene.succeeds(&["--all"]);
    install_next(&scene, 7);
    // A machine's disk is no business of the catalogue.
    fs::write(scene.nodes[0].path(POOL).join("machine.qcow2"), "a disk").unwrap();
    let before: Vec<_> = scene.nodes.iter().map(|node| (node.files(), index(node))).collect();
    let said = scene.ays.succeeds(&CHECK);
    let well = "well, 2 files recorded";
    assert_eq!(
        said,
        format!("catalogue: well\npool local on n1, {POOL}: {well}\npool local on n2, {POOL}: {well}\n")
    );
    assert_eq!(check(&scene, &CHECK, 0)["pools"][0]["others"], 1);
    assert_eq!(scene.ays.succeeds(&REPAIR), said);
    assert_eq!(scene.nodes.iter().map(|node| (node.files(), index(node))).collect::<Vec<_>>(), before);
}

#[test]
fn what_differs_is_told_with_its_cure_and_nothing_is_changed_before_a_repair() {
    let scene = Many::new(3, 1);
    scene.succeeds(&["--all"]);
    let [first, second, third] = &scene.nodes[..] else { panic!("three nodes") };
    let file = the_file(first);
    let in_pool = |node: &Node, name: &str| node.path(POOL).join(name);
    fs::remove_file(in_pool(first, &file)).unwrap();
    fs::OpenOptions::new().write(true).open(in_pool(second, &file)).unwrap().set_len(4096).unwrap();
    fs::write(in_pool(third, "ays-images.json"), "{\"version\": 1, \"images\": []}").unwrap();
    // Somebody's file that is called as a stored one.
    fs::write(in_pool(third, "y-0123456789ab.raw"), "not ours").unwrap();

    let expected = |mended: bool| {
        vec![
            json!(["n1", "missing", file, mended]),
            json!(["n2", "otherSize", file, mended]),
            json!(["n3", "unrecorded", "y-0123456789ab.raw", false]),
            json!(["n3", "otherIndex", null, mended]),
        ]
    };
    let before = index(first);
    assert_eq!(findings(&check(&scene, &CHECK, 1)), expected(false));
    let output = scene.ays.run(&CHECK);
    let said = fails(&output, 1);
    assert_eq!(said, "error: 4 findings left\n");
    let wanted = format!(
        "pool local on n1, {POOL}: 1 finding\n  missing: {file} is recorded (x), and is not there\n    cure: `ays scrub --heal` \
         brings it from a pool that has it; `ays catalogue check --repair` only stops offering it\n"
    );
    assert!(output.stdout.contains(&wanted), "{}", output.stdout);
    assert_eq!(index(first), before);
    assert_eq!(generation(third), None);

    assert_eq!(findings(&check(&scene, &REPAIR, 1)), expected(true));
    assert_eq!([generation(first), generation(second), generation(third)], [None, None, Some(1)]);
    assert!(in_pool(third, "y-0123456789ab.raw").exists(), "it may be somebody's");
    fs::remove_file(in_pool(third, "y-0123456789ab.raw")).unwrap();
    assert_eq!(findings(&check(&scene, &CHECK, 0)), [] as [Value; 0]);
    scene.ays.succeeds(&["scrub", "--heal"]);
    assert_eq!([generation(first), generation(second), generation(third)], [Some(1); 3]);
    assert_well(&scene);
}

/// What an availability leaves whose recording failed.
#[test]
fn a_file_that_came_and_was_not_recorded_is_recorded_and_read() {
    let scene = Many::new(2, 4);
    scene.succeeds(&["--targetname", "n1"]);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    let file = the_file(first);
    fs::create_dir_all(second.path(POOL)).unwrap();
    fs::copy(first.path(POOL).join(&file), second.path(POOL).join(&file)).unwrap();
    // A pool that nobody owns may be anybody's.
    let report = check(&scene, &REPAIR, 1);
    assert_eq!(
        findings(&report),
        [json!(["n2", "noMark", null, true]), json!(["n2", "unrecorded", file, false])],
        "{report:#}"
    );
    let found = json!(["n2", "unrecorded", file, true]);
    let report = check(&scene, &[&REPAIR[..], &["--reason", "it was cut off"]].concat(), 0);
    assert_eq!(findings(&report), [found], "{report:#}");
    let audit = &scene.ays.json(&["audit", "--image", "x"])[0];
    assert_eq!(
        [&audit["what"], &audit["reason"], &audit["after"]["file"]],
        [&json!("copy"), &json!("it was cut off"), &json!(file)]
    );
    // Nothing has read it, so nothing offers it.
    scene.ays.succeeds(&["image", "availability", "x", "--add", "n2"]);
    assert_well(&scene);
    fs::remove_file(second.path(POOL).join(&file)).unwrap();
    check(&scene, &REPAIR, 0);
    assert_eq!(generation(second), None);
    scene.ays.succeeds(&["scrub", "--heal"]);
    assert_eq!(generation(second), Some(1));
    assert_well(&scene);
}

#[test]
fn a_file_whose_content_the_pool_has_twice_goes_when_nothing_uses_it() {
    let scene = Many::new(1, 1);
    scene.succeeds(&["--all"]);
    let node = &scene.nodes[0];
    let file = the_file(node);
    let twice = file.replace("x-", "former-");
    let at = |name: &str| node.path(POOL).join(name);
    fs::copy(at(&file), at(&twice)).unwrap();
    symlink(&file, at(&file.replace("x-", "link-"))).unwrap();
    let (disk, reason) = (at("machine.qcow2"), "machine.qcow2 stands on it");
    run("qemu-img", &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", &twice, disk.to_str().unwrap()]);
    let report = check(&scene, &REPAIR, 1);
    let kept = &report["pools"][0]["findings"][0];
    assert_eq!([&kept["code"], &kept["file"]], [&json!("unrecorded"), &json!(twice)], "{report:#}");
    assert!(kept["kept"].as_str().unwrap().contains(reason), "{report:#}");
    assert!(at(&twice).exists());

    fs::remove_file(disk).unwrap();
    let report = check(&scene, &REPAIR, 1);
    let link = file.replace("x-", "link-");
    assert_eq!(
        findings(&report),
        [json!(["n1", "unrecorded", twice, true]), json!(["n1", "unrecorded", link, false])]
    );
    assert!(!at(&twice).exists() && at(&link).is_symlink() && at(&file).exists());
    fs::remove_file(at(&link)).unwrap();
    assert_well(&scene);
}

#[test]
fn a_pool_that_is_not_reached_or_not_ours_is_named_and_left_alone() {
    let scene = Many::new(3, 1);
    scene.succeeds(&["--all"]);
    let [first, second, third] = &scene.nodes[..] else { panic!("three nodes") };
    first.cut();
    let mark = second.path(POOL).join(".ays-owner.json");
    let ours = fs::read_to_string(&mark).unwrap();
    let (before, rest) = ours.split_once("\"catalogue\": \"").unwrap();
    let after = &rest[rest.find('"').unwrap()..];
    fs::write(&mark, format!("{before}\"catalogue\": \"another{after}")).unwrap();
    fs::remove_file(second.path(POOL).join(the_file(second))).unwrap();
    // What is mounted there is gone.
    fs::rename(third.path(POOL), third.path("/var/lib/ays/elsewhere")).unwrap();

    let report = check(&scene, &REPAIR, 1);
    assert_eq!(
        findings(&report),
        [json!(["n2", "otherOwner", null, false]), json!(["n3", "noDirectory", null, false])],
        "{report:#}"
    );
    assert_eq!(report["unreached"][0]["node"], "n1", "{report:#}");
    assert!(!third.path(POOL).exists(), "nothing is made where a disk is to be mounted");
    let Output { stderr, .. } = scene.ays.run(&CHECK);
    assert_eq!(stderr, "error: 2 findings left, 1 node not looked at\n");

    first.heal();
    fs::rename(third.path("/var/lib/ays/elsewhere"), third.path(POOL)).unwrap();
    fs::write(&mark, ours).unwrap();
    assert_eq!(findings(&check(&scene, &REPAIR, 0)).len(), 1);
    scene.ays.succeeds(&["scrub", "--heal"]);
    assert_well(&scene);
}
