//! Copies are read again: what is bad is offered no more, and is brought again from a neighbour.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::PathBuf,
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{
    Many, Node, Output, digest, events, last_line, named,
    truth::{POOL, index, stored},
};

/// Nodes with the image `x` of so many MiB of data, installed.
fn installed(nodes: u8, mebibytes: u32) -> Many {
    let scene = Many::new(nodes, mebibytes);
    scene.succeeds(&["--all"]);
    scene
}

/// Where this machine sees the only stored file of the node's pool.
fn copy(node: &Node) -> PathBuf {
    let [name] = &stored(node)[..] else { panic!("not one copy on {}", node.name) };
    node.path(POOL).join(name)
}

/// Changes one byte, as a disk may.
fn flip(node: &Node) {
    let file = OpenOptions::new().read(true).write(true).open(copy(node)).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 2 << 20).unwrap();
    file.write_all_at(&[!byte[0]], 2 << 20).unwrap();
}

fn scrub(scene: &Many, more: &[&str]) -> Output {
    scene.ays.run(&[&["scrub"], more].concat())
}

/// What `scrub --json` printed of copies; before, and between them, events tell how it goes on.
fn copies(stdout: &str) -> Vec<Value> {
    let is_copy = |line: &Value| line.get("event").is_none();
    events(stdout).into_iter().filter(is_copy).collect()
}

/// What `scrub --json` printed of each copy: its node and the result; by node.
fn results(stdout: &str) -> Vec<Value> {
    let of = |line: Value| {
        let (node, from) = (&line["pool"]["node"], &line["from"]);
        assert_eq!(from.is_string(), line["result"] == "healed", "{line}");
        assert_ne!(node, from, "{line}");
        json!([node, line["result"]])
    };
    let mut results: Vec<_> = copies(stdout).into_iter().map(of).collect();
    results.sort_by_key(Value::to_string);
    results
}

/// The stacks that offer `x`, as the catalogue says; and the numbers of images in the nodes' indexes.
fn offered(scene: &Many) -> (Vec<String>, Vec<usize>) {
    let detail = scene.ays.json(&["image", "show", "x"]);
    let stacks = detail["stacks"].as_array().expect("stacks").iter();
    let offers = stacks.filter(|offer| offer["offeredGeneration"] == 1);
    let names = offers.map(|offer| offer["stack"]["name"].as_str().expect("a name").to_owned()).collect();
    let images = |node: &Node| index(node).expect("an index")["images"].as_array().expect("images").len();
    (names, scene.nodes.iter().map(images).collect())
}

#[test]
fn scrub_marks_what_is_damaged_or_missing_and_nothing_offers_it() {
    let scene = installed(3, 1);
    let good = scrub(&scene, &[]);
    assert_eq!((good.code, good.stdout.as_str()), (Some(0), "3 copies: 3 good\n"), "{good:#?}");
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(offered(&scene), (names(&["n1", "n2", "n3"]), vec![1, 1, 1]));

    let file = copy(&scene.nodes[0]).file_name().unwrap().to_str().unwrap().to_owned();
    flip(&scene.nodes[0]);
    fs::remove_file(copy(&scene.nodes[1])).unwrap();
    let bad = scrub(&scene, &[]);
    assert_eq!(bad.code, Some(1), "{bad:#?}");
    let mut lines: Vec<_> = bad.stdout.lines().collect();
    assert_eq!(lines.pop(), Some("3 copies: 1 good, 1 missing, 1 damaged"));
    lines.sort_unstable();
    assert_eq!(lines, [format!("n1: {POOL}/{file} (x): damaged"), format!("n2: {POOL}/{file} (x): missing")]);
    assert_eq!(
        bad.stderr,
        "error: 2 copies not as it should be\n--heal brings again what another node has\n"
    );
    assert_eq!(offered(&scene), (names(&["n3"]), vec![0, 0, 1]));
}

#[test]
fn scrub_heals_from_the_neighbour() {
    let scene = installed(3, 3);
    flip(&scene.nodes[0]);
    fs::remove_file(copy(&scene.nodes[1])).unwrap();
    let sent = scene.origin.sent("x.qcow2");
    let output = scrub(&scene, &["x", "--heal", "--json"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(
        results(&output.stdout),
        [json!(["n1", "healed"]), json!(["n2", "healed"]), json!(["n3", "good"])]
    );
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
    assert_eq!(offered(&scene).1, [1, 1, 1]);
    assert_eq!(scene.origin.sent("x.qcow2"), sent, "the source was left alone");
    for node in &scene.nodes {
        assert_eq!(node.list(POOL).len(), 3, "the disk, the index, the mark: {:?}", node.list(POOL));
    }
    assert_eq!(last_line(&scene.succeeds(&["--all"])), "3 nodes: 3 had nothing to do");
}

#[test]
fn scrub_heals_through_the_controller_where_nodes_do_not_reach_each_other() {
    let scene = installed(2, 3);
    scene.nodes.iter().for_each(Node::isolate);
    flip(&scene.nodes[1]);
    let output = scrub(&scene, &["--heal", "--node", "n2"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(last_line(&output.stdout), "1 copy: 1 healed");
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
}

#[test]
fn scrub_says_what_brings_a_copy_that_no_node_has_any_more() {
    let scene = installed(2, 1);
    scene.nodes.iter().for_each(flip);
    // The other one is not asked for; that it is damaged as well turns out when it is to give.
    let output = scrub(&scene, &["--heal", "--node", "n1"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    let again = "ays install -n image_x --targetname n1";
    let path = format!("{POOL}/{}", stored(&scene.nodes[0])[0]);
    assert_eq!(
        output.stdout,
        format!(
            "n1: {path} (x): damaged, not healed: no other node has a good copy; from its source: {again}\n\
             1 copy: 1 damaged\n"
        )
    );
    assert_eq!(offered(&scene), (Vec::new(), vec![0, 0]));

    scene.ays.succeeds(&again.split(' ').skip(1).collect::<Vec<_>>());
    scene.assert_installed(&scene.nodes[0]);
    let healed = scrub(&scene, &["--heal", "--json"]);
    assert_eq!(results(&healed.stdout), [json!(["n1", "good"]), json!(["n2", "healed"])]);
    assert_eq!(healed.code, Some(0));
    scene.assert_installed(&scene.nodes[1]);
}

#[test]
fn scrub_reads_the_chosen_image_on_the_chosen_nodes() {
    let scene = installed(2, 1);
    let url = format!("http://{}", crate::support::Lab::SOURCE);
    scene.environment.add_image("y", &url, "/x.qcow2", "checkmd5:'true'");
    scene.environment.commit();
    scene.ays.succeeds(&["install", "-n", "image_y", "--all"]);
    let read = |more: &[&str]| {
        let output = scrub(&scene, &[more, &["--json"]].concat());
        assert_eq!(output.code, Some(0), "{output:#?}");
        let of = |line: &Value| json!([line["node"], line["images"], line["result"]]);
        let mut read: Vec<_> = copies(&output.stdout).iter().map(of).collect();
        read.sort_by_key(Value::to_string);
        read
    };
    let [x1, x2] = ["n1", "n2"].map(|node| json!([node, ["x"], "good"]));
    let [y1, y2] = ["n1", "n2"].map(|node| json!([node, ["y"], "good"]));
    assert_eq!(read(&[]), [x1.clone(), y1.clone(), x2.clone(), y2.clone()]);
    assert_eq!(read(&["y"]), [y1, y2.clone()]);
    assert_eq!(read(&["--node", "n2"]), [x2.clone(), y2]);
    assert_eq!(read(&["x", "--node", "n2,n1"]), [x1, x2]);
    for nobody in [&["--node", "n3"][..], &["z"]] {
        let output = scrub(&scene, nobody);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output:#?}");
    }
    let found = scene.ays.json(&["where", "y"]);
    let copies = found[0]["generation"]["copies"].as_array().expect("copies");
    assert_eq!(copies.iter().filter(|copy| copy["scrubbedAt"].is_string()).count(), 2, "{found:#}");
}

#[test]
fn scrub_goes_on_when_a_node_is_down() {
    let scene = installed(3, 1);
    flip(&scene.nodes[0]);
    fs::remove_file(copy(&scene.nodes[2])).unwrap();
    scene.nodes[1].cut();
    let output = scrub(&scene, &["--heal", "--json"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert_eq!(
        results(&output.stdout),
        [json!(["n1", "damaged"]), json!(["n2", "unread"]), json!(["n3", "missing"])]
    );
    assert_eq!(output.stderr, "error: 2 copies not as it should be, 1 copy not read\n");
    assert_eq!(offered(&scene).1, [0, 1, 0], "nothing is known against the one that is down");

    scene.nodes[1].heal();
    let healed = scrub(&scene, &["--heal"]);
    assert_eq!(last_line(&healed.stdout), "3 copies: 1 good, 2 healed", "{healed:#?}");
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
}

#[test]
fn scrub_reads_a_shared_pool_on_one_of_its_nodes() {
    let scene = Many::new(2, 1);
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
    let read_by = |more: &[&str]| {
        let output = scrub(&scene, &[more, &["--json"]].concat());
        assert_eq!(output.code, Some(0), "{output:#?}");
        let lines = copies(&output.stdout);
        lines.iter().map(|line| json!([line["node"], line["result"]])).collect::<Vec<_>>()
    };
    assert_eq!(read_by(&[]), [json!(["n1", "good"])]);
    assert_eq!(read_by(&["--node", "n2"]), [json!(["n2", "good"])]);
    scene.nodes[0].cut();
    assert_eq!(read_by(&[]), [json!(["n2", "good"])]);
}

#[test]
fn scrub_that_is_interrupted_in_a_heal_leaves_the_record_true() {
    let scene = installed(2, 24);
    let whole = digest(&copy(&scene.nodes[0]));
    flip(&scene.nodes[1]);
    scene.nodes[1].limit_rate(40);
    let mut running = scene.ays.spawn(&["scrub", "--heal"]);
    let name = named("x", &whole);
    let part = scene.nodes[1].path(POOL).join(format!(".{name}.ays-part"));
    while fs::metadata(&part).map_or(0, |part| part.len()) < 2 << 20 {
        assert!(!running.wait_for_end(std::time::Duration::from_millis(5)), "it has ended");
    }
    running.signal(Signal::SIGTERM);
    let output = running.wait();
    assert_eq!(output.code, Some(130), "{output:#?}");
    for node in &scene.nodes {
        node.wait_until_quiet(std::time::Duration::from_secs(15));
    }
    assert!(part.exists(), "what has come stays");
    assert_eq!(offered(&scene).1, [1, 0]);
    scene.nodes[1].limit_rate(1000);
    let healed = scrub(&scene, &["--heal"]);
    assert_eq!(last_line(&healed.stdout), "2 copies: 1 good, 1 healed", "{healed:#?}");
    scene.nodes.iter().for_each(|node| scene.assert_installed(node));
    let left = scene.nodes[1].list(POOL);
    assert_eq!(left.len(), 3, "the disk, the index, the mark: {left:?}");
}
