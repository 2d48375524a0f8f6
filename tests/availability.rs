//! An operator says on which stacks an image is to be, and its bytes come there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::states::{fails, generation, install_next, publish};
use crate::support::truth::{POOL, assert_true, stored};
use crate::support::{Ays, Environment, Lab, Many, Node, Origin, Running, last_line, qcow2};

/// `x` on `n1`, of these nodes, and no source any more.
fn on_the_first(nodes: u8, mebibytes: u32) -> Many {
    let scene = Many::new(nodes, mebibytes);
    scene.succeeds(&["--targetname", "n1"]);
    fs::remove_file(scene.origin.file("x.qcow2")).unwrap();
    scene
}

fn generations(scene: &Many) -> Vec<Option<u64>> {
    scene.nodes.iter().map(generation).collect()
}

/// Which stacks want `x`, and which generation each offers.
fn shown(scene: &Many) -> Vec<(String, bool, Option<u64>)> {
    let value: Value = scene.ays.json(&["image", "show", "x"]);
    let stacks = value["stacks"].as_array().unwrap().iter();
    stacks
        .map(|on| {
            let name = on["stack"]["name"].as_str().unwrap().to_owned();
            (name, on["wanted"].as_bool().unwrap(), on["offeredGeneration"].as_u64())
        })
        .collect()
}

fn assert_all_true(scene: &Many) {
    scene.nodes.iter().for_each(|node| assert_true(&scene.ays, node, "x"));
}

#[test]
fn bytes_come_from_the_pool_that_has_them_and_never_from_the_source() {
    let scene = on_the_first(4, 8);
    let said = scene.ays.succeeds(&["image", "availability", "x", "--all"]);
    assert!(said.contains("n4     ENABLED  yes     generation 1"), "{said}");
    assert_eq!(generations(&scene), [Some(1); 4]);
    assert_all_true(&scene);
    let first = stored(&scene.nodes[0]);
    assert!(scene.nodes.iter().all(|node| stored(node) == first));
    // Each is as sparse as the first one.
    let blocks = |node: &Node| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(node.path(POOL).join(&first[0])).unwrap().blocks()
    };
    assert!(scene.nodes.iter().all(|node| blocks(node) <= blocks(&scene.nodes[0]) + 16));

    // Exactly these; the files stay where they are.
    let value = scene.ays.json(&["image", "availability", "x", "--set", "n1,n3"]);
    assert_eq!(value["stacks"][1]["wanted"], false);
    assert_eq!(generations(&scene), [Some(1), None, Some(1), None]);
    assert_eq!(stored(&scene.nodes[1]), first);
    scene.ays.succeeds(&["image", "availability", "x", "--remove", "n3"]);
    scene.ays.succeeds(&["image", "availability", "x", "--add", "n2"]);
    assert_eq!(generations(&scene), [Some(1), Some(1), None, None]);
    // All or none.
    let before = shown(&scene);
    let output = scene.ays.run(&["image", "availability", "x", "--set", "n3,n9"]);
    assert!(fails(&output, 2).contains("n9"), "{output:#?}");
    assert_eq!(shown(&scene), before);
    assert_all_true(&scene);
}

#[test]
fn a_new_generation_goes_in_waves_and_no_further_than_it_proves_right() {
    let scene = Many::new(4, 1);
    scene.succeeds(&["--all"]);
    publish(&scene, 7);
    scene.succeeds(&["--targetname", "n1", "-r"]);
    assert_eq!(generations(&scene), [Some(2), Some(1), Some(1), Some(1)]);

    let check = scene.lab.dir().join("check");
    let write = |script: &str| {
        fs::write(&check, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&check, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let command = format!("{} 'one word'", check.display());
    let canary = ["image", "availability", "x", "--canary", "1,100%", "--check", &command];
    write("exit 3");
    let output = scene.ays.run(&canary);
    let said = fails(&output, 1);
    assert!(said.contains("no further stack gets it: the check of n2 ended with exit status: 3"), "{said}");
    // Going on is going on in waves, with the check.
    let again = "going on from here: ays image availability x --canary '1,100%' --check ";
    assert!(last_line(&said).starts_with(again), "{said}");
    assert_eq!(generations(&scene), [Some(2), Some(2), Some(1), Some(1)]);
    assert!(output.stdout.contains("n3     ENABLED  yes     generation 1, an older one"), "{output:#?}");

    let log = scene.lab.dir().join("log");
    write(&format!("echo $1 $AYS_IMAGE $AYS_STACK $AYS_GENERATION >> {}", log.display()));
    scene.ays.succeeds(&canary);
    assert_eq!(generations(&scene), [Some(2); 4]);
    assert_eq!(fs::read_to_string(log).unwrap(), "one word x n3 2\none word x n4 2\n");
    assert_all_true(&scene);
    let output = scene.ays.run(&["image", "availability", "x", "--canary", "0%"]);
    assert!(fails(&output, 2).contains("1,10%,100%"), "{output:#?}");
}

#[test]
fn two_operators_who_add_stacks_at_once_both_have_their_way() {
    let scene = on_the_first(3, 1);
    let adding = ["n2", "n3"].map(|stack| scene.ays.spawn(&["image", "availability", "x", "--add", stack]));
    for output in adding.map(Running::wait) {
        assert_eq!(output.code, Some(0), "{output:#?}");
    }
    assert_eq!(generations(&scene), [Some(1); 3]);
    assert!(shown(&scene).iter().all(|(_, wanted, _)| *wanted));
}

#[test]
fn a_grid_says_which_image_of_a_name_is_meant() {
    let lab = Lab::new();
    let (nodes, origin, environment) = (lab.nodes(3), Origin::start(&lab), Environment::new(&lab));
    for (node, gid) in nodes.iter().zip([1, 2, 2]) {
        environment.add_node(node, &format!("instance.gid = {gid}\n"));
    }
    environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.qcow2", "checkmd5:'true'");
    environment.commit();
    qcow2(&origin.file("x.qcow2"), 1);
    origin.publish_md5("x.qcow2");
    let ays = Ays::new(&lab, &environment, &nodes.iter().collect::<Vec<_>>());
    ays.succeeds(&["install", "-n", "image_x", "--targetname", "n1,n2"]);
    let output = ays.run(&["image", "availability", "x", "--all"]);
    assert!(fails(&output, 2).contains("several images"), "{output:#?}");
    ays.succeeds(&["image", "availability", "x", "--grid", "2"]);
    assert_eq!(nodes.iter().map(generation).collect::<Vec<_>>(), [Some(1); 3]);
}

#[test]
fn a_killed_controller_leaves_no_half_and_the_next_goes_on() {
    let scene = on_the_first(3, 96);
    let running = scene.ays.spawn(&["image", "availability", "x", "--all"]);
    let since = Instant::now();
    let arriving = |node: &Node| {
        let entries = fs::read_dir(node.path(POOL)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().ends_with(".ays-part"))
    };
    while !arriving(&scene.nodes[1]) && stored(&scene.nodes[1]).is_empty() {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing arrives");
        // Nothing tells of a file that appears.
        thread::sleep(Duration::from_millis(2));
    }
    running.signal(Signal::SIGKILL);
    running.wait();
    assert_all_true(&scene);
    scene.nodes.iter().for_each(|node| node.wait_until_quiet(Duration::from_secs(20)));
    // What was said before the end is known; the same again, without a word of which stacks, goes on.
    scene.ays.succeeds(&["image", "availability", "x"]);
    assert_eq!(generations(&scene), [Some(1); 3]);
    assert_all_true(&scene);
    let parts = scene.nodes.iter().filter(|node| arriving(node)).count();
    assert_eq!(parts, 0, "nothing is left behind");
}

#[test]
fn a_pool_that_cannot_be_reached_holds_no_other_up() {
    let scene = on_the_first(3, 4);
    scene.nodes[1].cut();
    let output = scene.ays.run(&["image", "availability", "x", "--all"]);
    let said = fails(&output, 1);
    assert!(said.contains("pool local on n2, "), "{said}");
    assert_eq!(generation(&scene.nodes[2]), Some(1));
    assert_eq!(shown(&scene)[1], ("n2".to_owned(), true, None));
    scene.nodes[1].heal();
    scene.ays.succeeds(&["image", "availability", "x"]);
    assert_eq!(generations(&scene), [Some(1); 3]);
    // An operator's undo and a new generation find all of them.
    install_next(&scene, 9);
    scene.ays.succeeds(&["image", "undo", "x"]);
    assert_eq!(generations(&scene), [Some(1); 3]);
    assert_all_true(&scene);
}
