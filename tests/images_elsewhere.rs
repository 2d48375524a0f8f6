//! An image as a file of the operator, in other pools and grids, and beside another one.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::images_by_hand::{NAME, source};
use crate::states::fails;
use crate::support::truth::{POOL, index, stored};
use crate::support::{Ays, Environment, Lab, Many, Origin, digest, pattern, qcow2, sha256};

#[test]
fn an_image_becomes_a_file_of_the_operator_whole_or_not_at_all() {
    let scene = Many::new(2, 24);
    scene.succeeds(&["--targetname", "n1"]);
    fs::remove_file(scene.origin.file("x.qcow2")).unwrap();
    let content = digest(&scene.nodes[0].path(POOL).join(&stored(&scene.nodes[0])[0]));
    let directory = scene.lab.dir().join("exported");
    fs::create_dir(&directory).unwrap();
    let file = |name: &str| directory.join(name);
    let export = |name: &str| {
        ["image".to_owned(), "export".to_owned(), "x".to_owned(), file(name).display().to_string()]
    };
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let run = |name: &str, more: &[&str]| {
        let words = export(name);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        scene.ays.run(&words)
    };
    // Stopped half-way there is no such file, and the next run goes on.
    let words = export("x.raw");
    let mut running = scene.ays.spawn(&words.each_ref().map(String::as_str));
    let since = Instant::now();
    let part = file(".x.raw.ays-part");
    while !part.metadata().is_ok_and(|found| found.len() > 2 << 20) {
        assert!(!running.has_ended() && since.elapsed() < Duration::from_secs(60), "no transfer");
        // Nothing tells of a file that grows.
        std::thread::sleep(Duration::from_millis(1));
    }
    running.signal(Signal::SIGKILL);
    running.wait();
    assert!(!file("x.raw").exists());
    let said: Value = serde_json::from_str(&run("x.raw", &["--json"]).stdout).unwrap();
    assert_eq!(
        [&said["from"], &said["format"], &said["generation"]],
        [&json!("n1"), &json!("raw"), &json!(1)]
    );
    assert_eq!(said["content"], format!("fsverity-sha256:{content}"));
    let received = said["received"].as_u64().unwrap();
    assert!(received < 24 << 20, "what came before is used: {received}");
    assert_eq!(digest(&file("x.raw")), content);
    let found = fs::metadata(file("x.raw")).unwrap();
    assert!(found.blocks() * 512 < found.len() - (1 << 20), "holes are kept: {found:?}");
    assert_eq!(names(), ["x.raw"]);

    // Another format is converted here, and is the same content.
    let output = run("x.qcow2", &[]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let of_qcow2 = scene.ays.json(&["image", "digest", file("x.qcow2").to_str().unwrap()]);
    assert_eq!(of_qcow2["digest"], format!("fsverity-sha256:{content}"));
    assert_eq!(names(), ["x.qcow2", "x.raw"]);

    // What is there is not replaced by chance, and a copy that is damaged is not given.
    let said = fails(&run("x.raw", &[]), 2);
    assert!(said.contains("x.raw is there already"), "{said}");
    let said = fails(&run("no/such/x.raw", &[]), 2);
    assert!(said.contains("no/such/x.raw cannot be written"), "{said}");
    let said = fails(&run("../exported", &[]), 2);
    assert!(said.contains("is no place for a file"), "{said}");
    assert_eq!(run("../exported/x.raw", &["--force"]).code, Some(0), "it is there, as it should be");
    let said = fails(&run("y.raw", &["--generation", "7"]), 2);
    assert!(said.contains("x has no generation 7"), "{said}");
    let stored = scene.nodes[0].path(POOL).join(&stored(&scene.nodes[0])[0]);
    let copy = fs::OpenOptions::new().write(true).open(stored).unwrap();
    copy.write_all_at(b"damage", 1 << 20).unwrap();
    let said = fails(&run("y.raw", &[]), 1);
    assert!(said.contains("no node can give it"), "{said}");
    assert_eq!(names(), ["x.qcow2", "x.raw"]);
}

#[test]
fn an_image_is_copied_to_other_pools_and_to_another_grid() {
    let lab = Lab::new();
    let (nodes, origin, environment) = (lab.nodes(4), Origin::start(&lab), Environment::new(&lab));
    let settings = "[pool.fast]\npath = \"/srv/fast\"\nformat = \"qcow2\"\n";
    let settings_path = environment.repo().join("ays.toml");
    let text = fs::read_to_string(&settings_path).unwrap_or_default();
    environment.write("ays.toml", &format!("{text}\n{settings}"));
    for (node, more) in
        nodes.iter().zip(["", "instance.pool = 'fast'\n", "instance.gid = 2\n", "instance.gid = 2\n"])
    {
        environment.add_node(node, more);
    }
    environment.commit();
    qcow2(&origin.file("x.qcow2"), 1);
    let ays = Ays::new(&lab, &environment, &nodes.iter().collect::<Vec<_>>());
    let url = source();
    let sum = sha256(&origin.file("x.qcow2"));
    ays.succeeds(&[
        "image",
        "add",
        &url,
        "--name",
        NAME,
        "--node",
        "n1",
        "--sha256",
        &sum,
        "--description",
        "mine",
        "--boot",
        "uefi",
    ]);
    fs::remove_file(origin.file("x.qcow2")).unwrap();

    let copied = ays.json(&["image", "copy", NAME, "--to-pool", "fast"]);
    let pool = &copied["pools"][0];
    assert_eq!(
        [&pool["pool"]["node"], &pool["result"], &pool["from"]],
        [&json!("n2"), &json!("copied"), &json!("n1")]
    );
    let fast = fs::read_to_string(nodes[1].path("/srv/fast/ays-images.json")).unwrap();
    let fast: Value = serde_json::from_str(&fast).unwrap();
    let entry = &fast["images"][0];
    assert_eq!(
        [&entry["name"], &entry["format"], &entry["stacks"]],
        [&json!(NAME), &json!("qcow2"), &json!(["n2"])]
    );

    let said = ays.succeeds(&["image", "copy", NAME, "--to-grid", "2"]);
    assert!(
        said.contains("pool local on n3, /var/lib/ays/templates in grid 2: generation 1 of By Hand 1.0"),
        "{said}"
    );
    let images = ays.json(&["image", "list"]);
    let [here, there] = &images.as_array().unwrap()[..] else { panic!("{images:#}") };
    for fact in ["name", "description", "type", "size", "username", "bootType", "hotResize", "url"] {
        assert_eq!(here[fact], there[fact], "{fact}");
    }
    assert_eq!([&here["gid"], &there["gid"]], [&json!(1), &json!(2)]);
    let shown = |image: &Value| ays.json(&["image", "show", &image["id"].to_string()]);
    let (here, there) = (shown(here), shown(there));
    for fact in
        ["content", "sourceSha256", "verifiedBy", "verifiedAtSource", "template", "virtualSize", "disk"]
    {
        assert_eq!(here["generations"][0][fact], there["generations"][0][fact], "{fact}");
    }
    for node in &nodes[2..] {
        let index = index(node).expect("an index");
        assert_eq!(
            [&index["images"][0]["name"], &index["images"][0]["stacks"]],
            [&json!(NAME), &json!([node.name])]
        );
        let file = node.path(POOL).join(&stored(node)[0]);
        assert_eq!(format!("fsverity-sha256:{}", digest(&file)), there["generations"][0]["content"]);
    }
    // The same again finds it, and what nobody knows is refused.
    let again = ays.json(&["image", "copy", &here["id"].to_string(), "--to-node", "n2,n3"]);
    assert_eq!([&again["pools"][0]["result"], &again["pools"][1]["result"]], ["there", "there"]);
    for (to, what) in [("--to-pool", "slow"), ("--to-node", "n9"), ("--to-grid", "7")] {
        let output = ays.run(&["image", "copy", NAME, "--grid", "1", to, what]);
        assert!(fails(&output, 2).contains(what), "{output:#?}");
    }
    assert_eq!(ays.run(&["image", "copy", NAME]).code, Some(2));
}

#[test]
fn two_images_are_compared_by_the_pieces_in_which_they_differ() {
    const PIECE: u64 = 512 << 10;
    let scene = Many::new(2, 1);
    // A disk with data in its pieces 2 and 3, one that has other bytes in piece 3 and some in piece 9, and a larger one.
    let [raw, image] = ["disk.raw", "disk.qcow2"].map(|name| scene.lab.dir().join(name));
    let write = |change: &dyn Fn(&fs::File)| {
        let disk = fs::File::create(&raw).unwrap();
        disk.set_len(16 * PIECE).unwrap();
        disk.write_all_at(&pattern(3, 1 << 20), 2 * PIECE).unwrap();
        change(&disk);
        let made = std::process::Command::new("qemu-img")
            .args(["convert", "-q", "-f", "raw", "-O", "qcow2"])
            .args([&raw, &image])
            .status();
        assert!(made.unwrap().success());
    };
    let add = |name: &str, node: &str, more: &[&str]| {
        let base = ["image", "add", image.to_str().unwrap(), "--name", name, "--node", node, "--size", "1"];
        let output = scene.ays.run(&[&base[..], &["--unverified"], more].concat());
        assert_eq!(output.code, Some(0), "{output:#?}");
    };
    write(&|_| {});
    add("a", "n1", &[]);
    write(&|disk| {
        disk.write_all_at(b"other", 3 * PIECE + 7).unwrap();
        disk.write_all_at(b"new", 10 * PIECE - 3).unwrap();
    });
    add("b", "n2", &[]);
    add("a", "n2", &["-r"]);
    let compare = |one: &str, other: &str| scene.ays.json(&["image", "compare", one, other]);
    let ranges = |value: &Value| {
        let ranges = value["ranges"].as_array().unwrap().iter();
        ranges
            .map(|range| [&range["first"], &range["count"], &range["length"]].map(|n| n.as_u64().unwrap()))
            .collect::<Vec<_>>()
    };
    let value = compare("a:1", "b");
    assert_eq!(ranges(&value), [[3, 1, PIECE], [9, 1, PIECE]]);
    let sums = [&value["same"], &value["pieces"], &value["differentPieces"], &value["differentBytes"]];
    assert_eq!(sums, [&json!(false), &json!(16), &json!(2), &json!(2 * PIECE)]);
    assert_eq!([&value["one"]["node"], &value["other"]["node"]], ["n1", "n2"]);
    // The current generation of a is that of b, and nothing has to be read for that.
    let value = compare("a", "b");
    assert_eq!(
        [&value["same"], &value["one"]["node"], &value["differentPieces"]],
        [&json!(true), &Value::Null, &json!(0)]
    );
    let said = scene.ays.succeeds(&["image", "compare", "a:1", "a:2"]);
    assert!(said.contains("a:1 and a:2 differ in 2 of 16 pieces, 1.0 MB"), "{said}");

    write(&|disk| disk.set_len(16 * PIECE + 512).unwrap());
    add("c", "n1", &[]);
    let value = compare("a:1", "c");
    // It is larger by a hole.
    assert_eq!((ranges(&value), &value["same"], &value["pieces"]), (vec![], &json!(false), &json!(17)));
    let said = scene.ays.succeeds(&["image", "compare", "a:1", "c"]);
    assert!(said.contains("a:1 has a disk of 8.4 MB"), "{said}");

    let said = fails(&scene.ays.run(&["image", "compare", "a:7", "b"]), 2);
    assert!(said.contains("a has no generation 7"), "{said}");
    let said = fails(&scene.ays.run(&["image", "compare", "no:7", "b"]), 2);
    assert!(said.contains("no"), "{said}");
    // What is damaged is told, not compared.
    let file = scene.ays.json(&["image", "show", "c"])["generations"][0]["copies"][0]["file"].clone();
    let copy = scene.nodes[0].path(POOL).join(file.as_str().unwrap());
    fs::OpenOptions::new().write(true).open(copy).unwrap().write_all_at(b"damage", PIECE).unwrap();
    let said = fails(&scene.ays.run(&["image", "compare", "b", "c"]), 1);
    assert!(said.contains("its copy is damaged: `ays scrub --heal` brings it again"), "{said}");
}
