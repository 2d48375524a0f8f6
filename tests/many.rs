//! Many nodes with one command: from one reading of the source, and whatever happens to one stops no other.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::truth::stored;
use crate::support::{Ays, Gpg, Lab, Many, Node, Running, Scene, digest, events, last_line, sha256};

/// More than the bytes that a dead reader's source may have sent and nobody has read.
const ON_THE_WAY: u64 = 8 << 20;

#[test]
fn nodes_are_chosen_by_names_a_pattern_a_grid_or_all() {
    let scene = Scene::new();
    scene.publish_x(1);
    for (node, grid) in [("n2", 1), ("n3", 2)] {
        scene.environment.write(
            &format!("services/jumpscale__node.ssh__{node}/service.hrd"),
            &format!("service.category = 'node'\ninstance.ip = '10.199.0.9'\ninstance.gid = {grid}\n"),
        );
    }
    let chosen = |selection: &[&str]| -> Vec<String> {
        let plans = scene.ays.json(&[&["install", "-n", "image_x", "--dry-run"], selection].concat());
        // One plan, or a list of them.
        let plans = plans.as_array().cloned().unwrap_or_else(|| vec![plans]);
        plans.iter().map(|plan| plan["node"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(chosen(&["--targetname", "n1,n3"]), ["n1", "n3"]);
    assert_eq!(chosen(&["--targetname", "n3", "--targetname", "n1", "--targetname", "n3"]), ["n3", "n1"]);
    assert_eq!(chosen(&["--targetname", "n*"]), ["n1", "n2", "n3"]);
    assert_eq!(chosen(&["--targettype", "node.ssh", "--targetname", "n3,n?"]), ["n3", "n1", "n2"]);
    assert_eq!(chosen(&["--grid", "1"]), ["n1", "n2"]);
    assert_eq!(chosen(&["--grid", "2"]), ["n3"]);
    assert_eq!(chosen(&["--all"]), ["n1", "n2", "n3"]);
    for nobody in [&["--targetname", "m*"][..], &["--targetname", "n1,n4"], &["--grid", "3"]] {
        let output = scene.run(nobody);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output:#?}");
    }
}

#[test]
fn nodes_that_share_a_signed_download_all_know_whose_key_has_proven_it() {
    let scene = Many::new(2, 1);
    let gpg = Gpg::new();
    let user = "Builder <builder@images.example>";
    gpg.key(user, "ed25519", "sign", "0");
    let publish = |name: &str, bytes: &[u8]| fs::write(scene.origin.file(name), bytes).unwrap();
    let list = format!("{}  x.qcow2\n", sha256(&scene.origin.file("x.qcow2")));
    publish("SHA256SUMS", list.as_bytes());
    publish("SHA256SUMS.gpg", &gpg.sign(user, &["--detach-sign"], list.as_bytes()));
    scene.environment.write("keys/builder.asc", &String::from_utf8(gpg.public(user)).unwrap());
    let url = format!("http://{}", Lab::SOURCE);
    scene.environment.add_image("x", &url, "/x.qcow2", "sums:'SHA256SUMS',\n    signed:'SHA256SUMS.gpg'");
    scene.environment.commit();
    let said = scene.succeeds(&["--all", "--json"]);
    let proven = format!("proven by the key {} ({user})", gpg.fingerprint(user));
    assert_eq!(said.matches(&proven).count(), 2, "{said}");
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
    assert!(scene.origin.sent("x.qcow2") < scene.size() * 3 / 2, "{}", scene.origin.sent("x.qcow2"));

    // A list that somebody else has signed proves nothing on any of them.
    gpg.key("Thief <thief@x>", "ed25519", "sign", "0");
    publish("SHA256SUMS.gpg", &gpg.sign("thief@x", &["--detach-sign"], list.as_bytes()));
    let output = scene.run(&["--all", "-r"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    let unknown = format!("it is signed by the key {}", gpg.fingerprint("thief@x"));
    assert_eq!(output.stderr.matches(&unknown).count(), 2, "{output:#?}");
}

#[test]
fn a_dead_node_stops_no_other_and_the_command_that_is_printed_installs_it_later() {
    let scene = Many::new(3, 1);
    scene.nodes[1].cut();
    let output = scene.run(&["--targetname", "n*"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert_eq!(last_line(&output.stdout), "3 nodes: 2 installed, 1 failed");
    assert_eq!(output.stderr.lines().next(), Some("error: image_x was not installed on n2"), "{output:#?}");
    let again = "these alone again: ays install -n image_x --targetname n2";
    assert_eq!(last_line(&output.stderr), again, "{output:#?}");
    scene.assert_installed(&scene.nodes[0]);
    scene.assert_installed(&scene.nodes[2]);

    scene.nodes[1].heal();
    scene.ays.succeeds(&again.split(' ').skip(4).collect::<Vec<_>>());
    scene.assert_installed(&scene.nodes[1]);
    let idle = scene.succeeds(&["--all"]);
    assert_eq!(last_line(&idle), "3 nodes: 3 had nothing to do");
}

#[test]
fn no_more_nodes_than_asked_for_are_at_work_at_once_and_every_event_names_its_node() {
    let scene = Many::new(4, 1);
    let (mut at_work, mut most, mut ended) = (BTreeSet::new(), 0, Vec::new());
    for event in events(&scene.succeeds(&["--all", "--parallel", "2", "--json"])) {
        let node = event["node"].as_str().expect("a node").to_owned();
        match event["event"].as_str() {
            Some("runStarted") => assert!(at_work.insert(node)),
            Some("runFinished") => {
                assert!(at_work.remove(&node));
                ended.push((node, event["result"].clone()));
            }
            _ => assert!(at_work.contains(&node), "{event}"),
        }
        most = most.max(at_work.len());
    }
    ended.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(ended, ["n1", "n2", "n3", "n4"].map(|node| (node.to_owned(), json!("installed"))));
    assert_eq!(most, 2);
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
}

#[test]
fn the_source_is_read_once() {
    let scene = Many::new(4, 16);
    assert_eq!(last_line(&scene.succeeds(&["--all"])), "4 nodes: 4 installed");
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
    assert_eq!(scene.origin.sent("x.qcow2"), scene.size());
}

#[test]
fn nodes_that_do_not_reach_each_other_go_through_the_controller() {
    let scene = Many::new(3, 8);
    scene.nodes.iter().for_each(Node::isolate);
    scene.succeeds(&["--all"]);
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
    assert_eq!(scene.origin.sent("x.qcow2"), scene.size());
}

#[test]
fn nodes_that_share_a_pool_take_one_copy() {
    let scene = Many::new(3, 4);
    let shared = scene.lab.dir().join("shared");
    fs::create_dir(&shared).unwrap();
    let pool = "[pool.vmstor]\npath = \"/mnt/vmstor/templates\"\nshared = true\n";
    scene.environment.write("ays.toml", pool);
    for node in &scene.nodes {
        node.mount(&shared, "/mnt/vmstor/templates");
        scene.environment.add_node(node, "instance.pool = 'vmstor'\n");
    }
    scene.environment.commit();
    scene.succeeds(&["--all"]);
    assert_eq!(scene.origin.sent("x.qcow2"), scene.size());
    let detail = scene.ays.json(&["image", "show", "x"]);
    let copies = detail["generations"][0]["copies"].as_array().expect("copies");
    let [copy] = copies.as_slice() else { panic!("not one copy: {copies:?}") };
    let file = shared.join(copy["file"].as_str().expect("a file"));
    assert_eq!(copy["digest"], format!("fsverity-sha256:{}", digest(&file)));
    let index: Value =
        serde_json::from_str(&fs::read_to_string(shared.join("ays-images.json")).unwrap()).unwrap();
    assert_eq!(index["images"][0]["stacks"], json!(["n1", "n2", "n3"]));
    assert_eq!(fs::read_dir(&shared).unwrap().count(), 3, "the disk, the index and the mark");
}

#[test]
fn a_slow_node_slows_no_other() {
    let scene = Many::new(3, 4);
    // 8 seconds for it.
    scene.nodes[2].limit_rate(4);
    let (mut others, mut slow_has, mut slow_had) = (0, 0, None);
    for event in events(&scene.succeeds(&["--all", "--json"])) {
        if event["node"] != "n3" {
            others += u32::from(event["event"] == "runFinished");
        } else if event["activity"] == "download" {
            slow_has = event["done"].as_u64().unwrap();
        }
        if others == 2 {
            slow_had.get_or_insert(slow_has);
        }
    }
    let slow_had = slow_had.expect("all ended");
    assert!(slow_had < scene.size() / 2, "the others ended when it had {slow_had} bytes");
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
    assert_eq!(scene.origin.sent("x.qcow2"), scene.size());
}

/// Kills all that runs on the node that reads the source, or on one that does not, while bytes pass.
fn a_node_is_killed(reads_source: bool) -> Many {
    let scene = Many::new(4, 16);
    scene.origin.limit_rate(40);
    let mut running = scene.spawn(&["--all"]);
    scene.wait_for_bytes(&mut running, 2 << 20);
    let is_meant = |node: &&Node| node.reads_source() == reads_source;
    let victim = scene.nodes.iter().rfind(is_meant).expect("one node reads the source, the others do not");
    victim.signal_all(Signal::SIGKILL);
    let output = running.wait();
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert_eq!(last_line(&output.stdout), "4 nodes: 3 installed, 1 failed");
    scene.assert_not_half_written(victim);
    assert_eq!(stored(victim), [""; 0]);
    for node in scene.nodes.iter().filter(|node| node.name != victim.name) {
        scene.assert_installed(node);
    }
    let sent = scene.origin.sent("x.qcow2");
    scene.succeeds(&["--targetname", &victim.name]);
    scene.assert_installed(victim);
    let most = scene.size() + if reads_source { ON_THE_WAY } else { 0 };
    assert!(sent <= most, "the source sent {sent} of {} bytes", scene.size());
    scene
}

#[test]
fn a_node_that_is_killed_while_bytes_pass_stops_no_other() {
    a_node_is_killed(false);
}

#[test]
fn another_node_goes_on_when_the_one_that_reads_the_source_is_killed() {
    a_node_is_killed(true);
}

/// Starts an install on all nodes, and returns while bytes pass.
fn in_the_middle(scene: &Many) -> Running {
    scene.origin.limit_rate(40);
    let mut running = scene.spawn(&["--all"]);
    scene.wait_for_bytes(&mut running, 2 << 20);
    running
}

#[test]
fn a_controller_that_is_killed_leaves_nothing_running_and_the_next_run_finishes() {
    let scene = Many::new(3, 16);
    let running = in_the_middle(&scene);
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None);
    for node in &scene.nodes {
        node.wait_until_quiet(Duration::from_secs(20));
        scene.assert_not_half_written(node);
    }
    let since = Instant::now();
    scene.succeeds(&["--all"]);
    // Its locks are taken over; a tenth of this is the transfer.
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
}

#[test]
fn control_c_lets_the_steps_end_that_are_under_way() {
    let scene = Many::new(3, 16);
    let running = in_the_middle(&scene);
    running.signal(Signal::SIGINT);
    let output = running.wait();
    assert_eq!(output.code, Some(130), "{output:#?}");
    assert_eq!(last_line(&output.stdout), "3 nodes: 3 interrupted");
    let source = sha256(&scene.origin.file("x.qcow2"));
    let sent = scene.origin.sent("x.qcow2");
    for node in &scene.nodes {
        node.wait_until_quiet(Duration::from_secs(15));
        assert_eq!(sha256(&node.path("/var/tmp/x.qcow2")), source, "{}: the fetch has ended", node.name);
        assert_eq!(stored(node), [""; 0], "{}: another step has begun", node.name);
    }
    scene.succeeds(&["--all"]);
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
    assert_eq!(scene.origin.sent("x.qcow2"), sent, "what was there was not fetched again");
}

#[test]
fn control_c_twice_ends_the_steps_too() {
    let scene = Many::new(3, 16);
    let mut running = in_the_middle(&scene);
    running.signal(Signal::SIGINT);
    // It may take two signals that come at once for one.
    while !running.said().contains("Ctrl-C again") {
        assert!(!running.wait_for_end(Duration::from_millis(5)), "it ended at the first one");
    }
    running.signal(Signal::SIGINT);
    let output = running.wait();
    assert_eq!(output.code, Some(130), "{output:#?}");
    for node in &scene.nodes {
        node.wait_until_quiet(Duration::from_secs(15));
        assert!(!node.path("/var/tmp/x.qcow2").exists(), "{}: the fetch went on", node.name);
    }
    scene.succeeds(&["--all"]);
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
}

#[test]
fn connections_are_kept_for_the_next_run_and_go_when_they_are_not_wanted() {
    let mut scene = Many::new(2, 1);
    let logins = |scene: &Many| scene.nodes.iter().map(Node::logins).collect::<Vec<_>>();
    scene.succeeds(&["--all"]);
    assert_eq!(logins(&scene), [1, 1]);
    scene.lab.wait_until_gone("/usr/bin/ssh", Duration::from_secs(10));

    scene.ays.set("AYS_SSH_KEEP", "60s");
    scene.succeeds(&["--all"]);
    assert_eq!(logins(&scene), [2, 2]);
    scene.succeeds(&["--all", "-r"]);
    scene.succeeds(&["--all"]);
    assert_eq!(logins(&scene), [2, 2], "the kept connections were used");
    scene.lab.end("/usr/bin/ssh");
    scene.succeeds(&["--all"]);
    assert_eq!(logins(&scene), [3, 3], "one that has gone is made again");
    scene.lab.end("/usr/bin/ssh");
}

#[test]
fn kept_connections_go_by_themselves() {
    let mut scene = Many::new(2, 1);
    scene.ays.set("AYS_SSH_KEEP", "1s");
    scene.succeeds(&["--all"]);
    scene.lab.wait_until_gone("/usr/bin/ssh", Duration::from_secs(15));
}

#[test]
fn a_second_operator_waits_for_the_first_and_is_told_who_it_is() {
    let mut scene = Many::new(2, 16);
    let nodes: Vec<_> = scene.nodes.iter().collect();
    let mut bob = Ays::new(&scene.lab, &scene.environment, &nodes);
    bob.set("USER", "bob");
    scene.ays.set("USER", "alice");
    let first = in_the_middle(&scene);
    let second = bob.run(&["install", "-n", "image_x", "--all", "--json"]);
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(first.wait().code, Some(0));

    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let (mut waited, mut ended) = (Vec::new(), Vec::new());
    for event in events(&second.stdout) {
        match event["event"].as_str() {
            Some("waiting") => waited.push(event["message"].as_str().expect("a message").to_owned()),
            Some("runFinished") => ended.push(event["result"].clone()),
            _ => {}
        }
    }
    let told = |message: &String| message.split_once(" since ").expect("since when").0.to_owned();
    let who = |node| format!("alice@{} has been at work on image_x/main on {node}", host.trim());
    assert_eq!(waited.iter().map(told).collect::<BTreeSet<_>>(), BTreeSet::from(["n1", "n2"].map(who)));
    assert_eq!(ended, ["unchanged", "unchanged"]);
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
    assert_eq!(scene.origin.sent("x.qcow2"), scene.size());
}

#[test]
fn the_lock_of_a_dead_operator_is_taken_over_in_seconds() {
    let scene = Many::new(2, 16);
    let first = in_the_middle(&scene);
    let second = scene.spawn(&["--all"]);
    first.signal(Signal::SIGKILL);
    let since = Instant::now();
    assert_eq!(first.wait().code, None);
    let output = second.wait();
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
}
