//! Images that no recipe describes: an operator adds them, from an address or a file, and changes what is said of them.

use std::fs;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::states::{fails, publish};
use crate::support::truth::{assert_true, index, stored};
use crate::support::{Lab, Many, Node, Output, Running, events, last_line, qcow2, sha256};

/// The name of the image that these stories add.
pub const NAME: &str = "By Hand 1.0";

/// Where the image is downloaded to.
const DOWNLOADS: &str = "/opt/jumpscale7/var/tmp/templates";

/// What of it has come.
const PART: &str = "/opt/jumpscale7/var/tmp/templates/.By-Hand-1-0.img.ays-part";

/// The address of the source's file.
pub fn source() -> String {
    format!("http://{}/x.qcow2", Lab::SOURCE)
}

/// The generation of an image that a node's index offers.
fn offered(node: &Node, name: &str) -> Option<u64> {
    let index = index(node)?;
    let images = index["images"].as_array().expect("images").clone();
    images.iter().find(|image| image["name"] == name)?["generation"].as_u64()
}

/// Adds the image, with more arguments.
fn add(scene: &Many, more: &[&str]) -> Output {
    scene.ays.run(&[&["image", "add", &source(), "--name", NAME], more].concat())
}

/// The same, which must end well; what it said.
fn added(scene: &Many, more: &[&str]) -> String {
    let output = add(scene, more);
    assert_eq!(output.code, Some(0), "{output:#?}");
    format!("{}{}", output.stdout, output.stderr)
}

#[test]
fn an_image_is_added_from_an_address_as_a_recipe_would_bring_it() {
    let scene = Many::new(2, 1);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    added(
        &scene,
        &["--node", "n1,n2", "--username", "admin", "--description", "for tests", "--boot", "uefi"],
    );
    for node in [first, second] {
        assert_eq!(offered(node, NAME), Some(1));
        assert!(stored(node)[0].starts_with("By-Hand-1-0-"), "{:?}", stored(node));
        assert_true(&scene.ays, node, NAME);
    }
    let shown = scene.ays.json(&["image", "show", NAME]);
    let facts = ["name", "description", "type", "size", "username", "bootType", "hotResize", "url"];
    let facts: Vec<_> = facts.iter().map(|fact| shown[fact].clone()).collect();
    let expected = json!([NAME, "for tests", "Linux", 10, "admin", "uefi", true, source()]);
    assert_eq!(Value::from(facts), expected);
    let generation = &shown["generations"][0];
    // The MD5 beside the source is found, and one node alone reads the source.
    assert_eq!(
        [&generation["verifiedAtSource"], &generation["template"]],
        [&json!(true), &json!("(by hand)")]
    );
    assert!(scene.origin.sent("/x.qcow2") < scene.size() * 3 / 2, "{}", scene.origin.sent("/x.qcow2"));

    // The same again finds what is there; another content is another generation, when it is asked for.
    let said = added(
        &scene,
        &["--node", "n1,n2", "--username", "admin", "--description", "for tests", "--boot", "uefi"],
    );
    assert!(said.contains("2 had nothing to do"), "{said}");
    publish(&scene, 7);
    added(&scene, &["--all", "-r"]);
    assert_eq!([offered(first, NAME), offered(second, NAME)], [Some(2), Some(2)]);
    let shown = scene.ays.json(&["image", "show", NAME]);
    let facts = [&shown["description"], &shown["username"], &shown["bootType"]];
    assert_eq!(facts, [&json!("for tests"), &Value::Null, &json!("bios")], "what was not said again");
    scene.ays.succeeds(&["image", "undo", NAME]);
    assert_eq!(offered(first, NAME), Some(1));
    // There is no recipe whose source could be asked.
    assert_eq!(scene.ays.json(&["outdated"]), json!([]));
    let runs = scene.ays.json(&["runs", "--name", "(by hand)"]);
    assert_eq!([&runs[0]["instance"], &runs[0]["status"]], [NAME, "succeeded"]);
    assert_eq!(first.list(DOWNLOADS), [""; 0]);
}

#[test]
fn what_verifies_an_added_image_is_what_was_said() {
    let scene = Many::new(1, 1);
    let verified = || scene.ays.json(&["image", "show", NAME])["generations"][0]["verifiedAtSource"] == true;
    let sum = sha256(&scene.origin.file("x.qcow2"));
    let output = add(&scene, &["--node", "n1", "--sha256", &sum.replace(&sum[..1], "f").replace("ff", "fe")]);
    assert!(fails(&output, 1).contains("SHA-256"), "{output:#?}");
    assert_eq!(index(&scene.nodes[0]), None);
    fs::remove_file(scene.origin.file("x.qcow2.md5sum")).unwrap();
    let said = added(&scene, &["--node", "n1", "--unverified", "--size", "10"]);
    assert!(said.contains("nothing verifies its bytes"), "{said}");
    assert!(!verified());
    let said = added(&scene, &["--node", "n1", "--sha256", &sum]);
    assert!(!said.contains("nothing verifies"), "{said}");
    assert!(verified());
}

#[test]
fn what_cannot_be_added_is_said_before_anything_is_done() {
    let scene = Many::new(1, 1);
    let refused = |arguments: &[&str], expected: &str| {
        let output = scene.ays.run(&[&["image", "add"], arguments, &["--node", "n1"]].concat());
        let said = fails(&output, 2);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    };
    let source = source();
    refused(&[&source, "--name", "x"], "`x` is the image of the recipe image_x");
    refused(&["/no/such/file", "--name", "y"], "/no/such/file cannot be read");
    refused(&["/", "--name", "y"], "it is not a file");
    refused(&[&source, "--name", "y", "--md5", "12"], "32 hexadecimal digits");
    refused(&[&source, "--name", "y", "--sums", "S", "--unverified"], "cannot be used with");
    refused(&[&source, "--name", "y", "--size", "0"], "0 is not in 1..=65536");
    refused(&[&source, "--name", " "], "the name of an image is one line of text");
    refused(&["sftp://h/x", "--name", "y"], "scheme `sftp` is not supported");
    // A recipe whose file says the name no more still is the image's: the catalogue knows.
    scene.succeeds(&["--targetname", "n1"]);
    let actions = "servicetemplates/image_x/actions.py";
    let text = fs::read_to_string(scene.environment.repo().join(actions)).unwrap();
    scene.environment.write(actions, &text.replace("'x',", "'z',"));
    refused(&[&source, "--name", "x"], "`x` is the image of the recipe image_x");
    assert_eq!(scene.ays.json(&["image", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_is_said_of_an_image_changes_in_all_indexes_and_in_the_records() {
    let scene = Many::new(2, 1);
    added(&scene, &["--all"]);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    let entry = |node: &Node| index(node).expect("an index")["images"][0].clone();
    let edit = |more: &[&str]| scene.ays.json(&[&["image", "edit"], more].concat());
    let changed = edit(&[NAME, "--name", "Other", "--size", "30", "--boot", "uefi", "--hot-resize", "no"]);
    let was = json!({"name": NAME, "size": 10, "bootType": "bios", "hotResize": true});
    let is = json!({"name": "Other", "size": 30, "bootType": "uefi", "hotResize": false});
    assert_eq!([&changed["image"], &changed["before"], &changed["after"]], [&json!("Other"), &was, &is]);
    for node in [first, second] {
        let entry = entry(node);
        let said = ["name", "minimumSize", "bootType", "hotResize"].map(|fact| entry[fact].clone());
        assert_eq!(said, [json!("Other"), json!(30), json!("uefi"), json!(false)]);
        assert_true(&scene.ays, node, "Other");
    }
    let said = scene.ays.succeeds(&["image", "edit", "Other", "--size", "30", "--boot", "uefi"]);
    assert_eq!(said, "Other: it was so already\n");
    scene.ays.succeeds(&[
        "image",
        "edit",
        "Other",
        "--username",
        "me",
        "--description",
        "d",
        "--reason",
        "why",
    ]);
    let noted = &scene.ays.json(&["audit", "--image", "Other"])[0];
    assert_eq!([&noted["what"], &noted["reason"]], ["facts", "why"]);
    assert_eq!(noted["before"], json!({"description": "", "username": null}));
    assert_eq!(noted["after"], json!({"description": "d", "username": "me"}));

    // The old name is free again, and what was added under it is done anew.
    added(&scene, &["--all"]);
    assert_eq!([offered(first, NAME), offered(first, "Other")], [Some(1), Some(1)]);
    let said = fails(&scene.ays.run(&["image", "edit", "Other", "--name", NAME]), 2);
    assert!(said.contains("grid 1 has an image `By Hand 1.0` already"), "{said}");
    let said = fails(&scene.ays.run(&["image", "edit", "Other", "--name", "x"]), 2);
    assert!(said.contains("`x` is the image of the recipe image_x"), "{said}");
    let said = fails(&scene.ays.run(&["image", "edit", "Other"]), 2);
    assert!(said.contains("nothing is to be changed"), "{said}");

    // A recipe's image has the recipe's name; the rest an operator may change until the recipe says it again.
    scene.succeeds(&["--targetname", "n1"]);
    let said = fails(&scene.ays.run(&["image", "edit", "x", "--name", "y"]), 2);
    assert!(said.contains("change the name in the recipe image_x"), "{said}");
    let output = scene.ays.run(&["image", "edit", "x", "--category", "Appliance"]);
    assert!(output.stderr.contains("the recipe image_x makes says again"), "{output:#?}");

    // A pool that cannot be reached is named, and mended by the same again.
    second.cut();
    let output = scene.ays.run(&["image", "edit", "Other", "--size", "40"]);
    let again = "the same again when they can be reached: ays image edit Other --size 40";
    assert_eq!(last_line(&fails(&output, 1)), again);
    second.heal();
    scene.ays.succeeds(&["image", "edit", "Other", "--size", "40"]);
    let sizes = index(second).unwrap()["images"].as_array().unwrap().clone();
    assert!(sizes.iter().any(|image| image["name"] == "Other" && image["minimumSize"] == 40), "{sizes:#?}");
}

#[test]
fn a_file_of_the_operator_comes_to_nodes_that_cannot_reach_this_machine() {
    let scene = Many::new(2, 24);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    let file = scene.lab.dir().join("my image.qcow2");
    fs::rename(scene.origin.file("x.qcow2"), &file).unwrap();
    let sum = sha256(&file);
    let path = file.to_str().unwrap();
    let wrong = sum.replace(&sum[..1], "f").replace("ff", "fe");
    let add = ["image", "add", path, "--name", NAME, "--all"];
    let with_sum = [&add[..], &["--sha256", &sum]].concat();
    let said = fails(&scene.ays.run(&[&add[..], &["--sha256", &wrong]].concat()), 1);
    assert!(said.contains("SHA-256"), "{said}");
    assert!(stored(first).is_empty() && stored(second).is_empty());

    // Stopped half-way, the next run takes up what the nodes have.
    let mut running = scene.ays.spawn(&with_sum);
    wait_for_bytes(&scene, &mut running, 4 << 20);
    running.signal(Signal::SIGKILL);
    running.wait();
    scene.nodes.iter().for_each(|node| node.wait_until_quiet(Duration::from_secs(20)));
    assert!(scene.nodes.iter().any(|node| node.path(PART).exists()), "nothing is left to go on with");
    let events = events(&scene.ays.succeeds(&[&with_sum[..], &["--json"]].concat()));
    let fetched: Vec<_> = events.iter().filter_map(|event| event["result"].as_str()).collect();
    assert!(fetched.iter().any(|said| said.contains("taken up again")), "{fetched:#?}");
    for node in [first, second] {
        assert_eq!(offered(node, NAME), Some(1));
        assert_true(&scene.ays, node, NAME);
        assert_eq!(node.list(DOWNLOADS), [""; 0]);
    }
    let shown = scene.ays.json(&["image", "show", NAME]);
    let generation = &shown["generations"][0];
    assert_eq!([&generation["verifiedAtSource"], &generation["sourceSha256"]], [&json!(true), &json!(sum)]);
    let url = generation["sourceUrl"].as_str().unwrap();
    assert!(url.starts_with("file://") && url.ends_with("/my%20image.qcow2"), "{url}");
    assert!(file.exists());

    // The same file again is nothing to do; one that was changed is another generation, marked as unverified.
    let said = scene.ays.succeeds(&with_sum);
    assert!(said.contains("2 had nothing to do"), "{said}");
    qcow2(&file, 9);
    // The killed run could not clean up on this machine; one that ends does.
    let temporary = || fs::read_dir(scene.ays.temporary()).unwrap().count();
    let before = temporary();
    let output = scene.ays.run(&add);
    assert!(output.stderr.contains("nothing verifies its bytes"), "{output:#?}");
    assert_eq!(temporary(), before);
    assert_eq!([offered(first, NAME), offered(second, NAME)], [Some(2), Some(2)]);
    let shown = scene.ays.json(&["image", "show", NAME]);
    assert_eq!(shown["generations"][0]["verifiedAtSource"], false);
    // On this machine it is read where it is, and comes into this machine's pool.
    let here = scene.lab.dir().join("here");
    let settings = format!(
        "\n[pool.local]\npath = \"{0}/pool\"\nformat = \"raw\"\nshared = false\n\n[system]\npaths.tmp = \"{0}/tmp\"\n",
        here.display()
    );
    let toml = fs::read_to_string(scene.environment.repo().join("ays.toml")).unwrap();
    scene.environment.write("ays.toml", &(toml + settings.as_str()));
    let output = scene.ays.run(&["image", "add", path, "--name", "here", "--size", "10"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(file.exists());
    let pool: Vec<_> =
        fs::read_dir(here.join("pool")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(pool.iter().any(|name| name.to_string_lossy().starts_with("here-")), "{pool:?}");
}

/// Waits until a node has so many bytes of the download.
fn wait_for_bytes(scene: &Many, running: &mut Running, bytes: u64) {
    let since = Instant::now();
    let has = |node: &Node| {
        let part = fs::metadata(node.path(PART));
        part.is_ok_and(|part| part.len() >= bytes)
    };
    while !scene.nodes.iter().any(has) {
        assert!(!running.has_ended() && since.elapsed() < Duration::from_secs(60), "no transfer");
        // Nothing tells of a file that grows.
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_file_that_is_changed_while_it_is_sent_is_not_added() {
    let scene = Many::new(1, 96);
    let file = scene.origin.file("x.qcow2");
    let add = ["image", "add", file.to_str().unwrap(), "--name", NAME, "--node", "n1", "--unverified"];
    let mut running = scene.ays.spawn(&add);
    wait_for_bytes(&scene, &mut running, 4 << 20);
    let source = fs::OpenOptions::new().write(true).open(&file).unwrap();
    source.write_all_at(&[7; 4096], source.metadata().unwrap().len() - 4096).unwrap();
    let said = fails(&running.wait(), 1);
    assert!(said.contains("it was changed while the nodes were given it"), "{said}");
    assert_eq!(index(&scene.nodes[0]), None);
    let output = scene.ays.run(&add);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_true(&scene.ays, &scene.nodes[0], NAME);
}
