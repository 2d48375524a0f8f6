//! What operators say of images and stacks is in the index of every pool, and in the records of who said it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::truth::{assert_true, index};
use crate::support::{Many, Node, Output, last_line, qcow2};

/// The generation of `x` that a node's index offers, and by which stacks.
pub fn offered(node: &Node) -> Option<(u64, Vec<String>)> {
    let index = index(node).expect("an index");
    let x = index["images"].as_array().expect("images").iter().find(|image| image["name"] == "x")?.clone();
    let stacks = x["stacks"].as_array().expect("stacks").iter();
    Some((
        x["generation"].as_u64().expect("a number"),
        stacks.map(|stack| stack.as_str().unwrap().to_owned()).collect(),
    ))
}

/// The number alone.
pub fn generation(node: &Node) -> Option<u64> {
    offered(node).map(|(number, _)| number)
}

/// Publishes another content of `x`, and installs it on all nodes.
pub fn install_next(scene: &Many, seed: u64) {
    publish(scene, seed);
    scene.succeeds(&["--all", "-r"]);
}

pub fn publish(scene: &Many, seed: u64) {
    qcow2(&scene.origin.file("x.qcow2"), seed);
    scene.origin.publish_md5("x.qcow2");
}

/// It ended with this code; what it said as an error.
pub fn fails(output: &Output, code: i32) -> String {
    assert_eq!(output.code, Some(code), "{output:#?}");
    output.stderr.clone()
}

/// The changes of `x`, the first first: what, before, after.
fn audit(scene: &Many) -> Vec<Value> {
    let mut records = scene.ays.json(&["audit", "--image", "x"]).as_array().expect("a list").clone();
    records.reverse();
    records.iter().map(|record| json!([record["what"], record["before"], record["after"]])).collect()
}

#[test]
fn undo_goes_back_in_all_pools_and_one_that_cannot_be_reached_is_mended_later() {
    let scene = Many::new(2, 1);
    scene.succeeds(&["--all"]);
    install_next(&scene, 7);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    assert_eq!([generation(first), generation(second)], [Some(2), Some(2)]);

    let said = scene.ays.succeeds(&["image", "undo", "x", "--reason", "it does not boot"]);
    assert_eq!(said, "x: generation 1 is the current one, and no more 2; 2 pools say so\n");
    assert_eq!([generation(first), generation(second)], [Some(1), Some(1)]);
    scene.nodes.iter().for_each(|node| assert_true(&scene.ays, node, "x"));

    // Neither an idle install nor one of the same content goes forward again; the latter says so.
    scene.succeeds(&["--all"]);
    let again = scene.run(&["--all", "-r"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    let warned = format!("{}{}", again.stdout, again.stderr);
    assert!(warned.contains("generation 2 of x was undone"), "{warned}");
    assert_eq!([generation(first), generation(second)], [Some(1), Some(1)]);
    let outdated = scene.ays.run(&["outdated"]);
    assert_eq!(outdated.code, Some(0), "the source has what was undone: {outdated:#?}");

    scene.ays.succeeds(&["image", "undo", "x", "--to", "2"]);
    second.cut();
    let output = scene.ays.run(&["image", "undo", "x"]);
    let said = fails(&output, 1);
    assert!(
        said.starts_with("error: recorded, but the index of 1 pool is not written:\n  pool local on n2, "),
        "{said}"
    );
    let again = "the same again when they can be reached: ays image undo x --to 1";
    assert_eq!(last_line(&said), again);
    assert_eq!(generation(first), Some(1), "{output:#?}");
    second.heal();
    assert_eq!(generation(second), Some(2), "its index still says so");
    // An install that has nothing else to do mends it.
    scene.succeeds(&["--targetname", "n2"]);
    assert_eq!(generation(second), Some(1));

    // A new content is what an install says.
    install_next(&scene, 8);
    assert_eq!([generation(first), generation(second)], [Some(3), Some(3)]);
    let generations = scene.ays.json(&["image", "generations", "x"]);
    assert_eq!(generations[0]["offeredBy"], json!(["n1", "n2"]));
    assert!(generations[1]["undoneBy"].is_string(), "{generations:#}");

    let said = fails(&scene.ays.run(&["image", "undo", "x", "--to", "9"]), 2);
    assert!(said.starts_with("error: x has no generation 9"), "{said}");
    let current: Vec<_> = audit(&scene).into_iter().filter(|change| change[0] == "current").collect();
    let expected =
        [(Value::Null, 1), (json!(1), 2), (json!(2), 1), (json!(1), 2), (json!(2), 1), (json!(1), 3)];
    assert_eq!(current, expected.map(|(before, after)| json!(["current", before, after])));
    let records = scene.ays.json(&["audit"]);
    let reasons: Vec<_> =
        records.as_array().unwrap().iter().filter_map(|record| record["reason"].as_str()).collect();
    assert_eq!(reasons, ["it does not boot"]);
}

#[test]
fn a_pool_that_lacks_the_generation_goes_on_with_what_it_has_and_nobody_goes_back_to_nothing() {
    let scene = Many::new(2, 1);
    scene.succeeds(&["--targetname", "n1"]);
    publish(&scene, 7);
    scene.succeeds(&["--all", "-r"]);
    let output = scene.ays.run(&["image", "undo", "x"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(output.stderr, "warning: n2 goes on offering generation 2: its pool lacks 1\n");
    assert_eq!([generation(&scene.nodes[0]), generation(&scene.nodes[1])], [Some(1), Some(2)]);
    scene.nodes.iter().for_each(|node| assert_true(&scene.ays, node, "x"));
    let report = scene.ays.json(&["image", "undo", "x", "--to", "1"]);
    assert_eq!(report["others"], json!([{ "stack": "n2", "offers": 2 }]));

    scene.ays.succeeds(&["image", "undo", "x", "--to", "2"]);
    let first = scene.nodes[0].path(crate::support::truth::POOL);
    let names = crate::support::truth::stored(&scene.nodes[0]);
    let generations = scene.ays.json(&["image", "generations", "x"]);
    let file = generations[1]["copies"][0]["file"].as_str().expect("a file");
    assert!(names.iter().any(|name| name == file));
    std::fs::remove_file(Path::new(&first).join(file)).unwrap();
    assert_eq!(scene.ays.run(&["scrub"]).code, Some(1));
    let said = fails(&scene.ays.run(&["image", "undo", "x"]), 1);
    assert_eq!(said, "error: no pool holds a verified copy of generation 1 of x\n");
    assert_eq!(generation(&scene.nodes[0]), Some(2));
}

#[test]
fn what_is_disabled_or_deleted_is_in_no_index_until_it_is_back() {
    let scene = Many::new(1, 1);
    scene.succeeds(&["--all"]);
    let node = &scene.nodes[0];
    let ays = |arguments: &[&str]| scene.ays.succeeds(&[&["image"], arguments].concat());
    for (away, back) in [("disable", "enable"), ("delete", "restore")] {
        ays(&[away, "x"]);
        assert_eq!(generation(node), None, "{away}");
        assert!(ays(&[away, "x"]).contains(" already"), "{away}");
        ays(&[back, "x"]);
        assert_eq!(generation(node), Some(1), "{back}");
    }
    ays(&["delete", "x"]);
    let said = fails(&scene.ays.run(&["image", "enable", "x"]), 2);
    assert_eq!(said, "error: x is in the recycle bin: `ays image restore x` brings it back\n");
    assert_eq!(scene.ays.run(&["outdated"]).code, Some(0));
    // An install is an operator's word.
    scene.succeeds(&["--all"]);
    assert_eq!(generation(node), Some(1));
    ays(&["disable", "x"]);
    let idle = scene.run(&["--all"]);
    let said = format!("{}{}", idle.stdout, idle.stderr);
    assert!(said.contains("x is disabled: no stack offers it until `ays image enable x`"), "{said}");
    assert_eq!(generation(node), None);
}

#[test]
fn a_stack_that_an_operator_took_out_stays_out_until_it_is_enabled() {
    let scene = Many::new(2, 1);
    scene.succeeds(&["--all"]);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    scene.ays.succeeds(&["stack", "maintenance", "n1", "--reason", "new disks"]);
    assert_eq!([generation(first), generation(second)], [None, Some(1)]);
    scene.succeeds(&["--all"]);
    assert_eq!(generation(first), None);
    let stack = scene.ays.json(&["stack", "show", "n1"]);
    assert_eq!([&stack["status"], &stack["statusReason"]], ["MAINTENANCE", "new disks"]);
    let listed = scene.ays.succeeds(&["stack", "list"]);
    assert!(listed.contains("new disks"), "{listed}");
    assert_eq!(scene.ays.succeeds(&["stack", "enable", "n1"]), "n1 is ENABLED\n");
    assert_eq!(offered(first), Some((1, vec!["n1".to_owned()])));
    let said = fails(&scene.ays.run(&["stack", "disable", "n9"]), 2);
    assert!(said.contains("n9"), "{said}");
}
