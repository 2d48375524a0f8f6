//! What goes wrong with the catalogue's database, and with the clock, while operators work.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

use crate::catalogue::file_of;
use crate::states::{fails, generation, install_next, publish};
use crate::support::truth::{POOL, assert_true};
use crate::support::{Ays, Many, Node, Postgres, Scene};

/// Waits until this is so; nothing tells of a file that appears.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Nodes, a source of 4 MB/s, and an operator whose catalogue is in this database.
fn on_database(postgres: &Postgres, nodes: u8) -> Many {
    let mut scene = Many::new(nodes, 16);
    scene.ays.set("AYS_DATABASE", &postgres.address());
    scene.origin.limit_rate(32);
    scene
}

fn fetches(node: &Node) -> bool {
    node.list("/var/tmp").iter().any(|name| name.ends_with(".ays-part"))
}

fn takes(node: &Node) -> bool {
    node.path(POOL).exists() && node.list(POOL).iter().any(|name| name.ends_with(".ays-part"))
}

#[test]
fn an_install_goes_on_when_the_server_restarts_and_can_be_resumed_when_it_stays_away() {
    let mut postgres = Postgres::start();
    let scene = on_database(&postgres, 1);
    let node = &scene.nodes[0];
    let running = scene.spawn(&["--all"]);
    wait_until("it fetches", || fetches(node));
    postgres.restart();
    let output = running.wait();
    assert_eq!(output.code, Some(0), "{output:#?}");
    scene.assert_installed(node);

    scene.origin.limit_rate(8);
    let running = scene.spawn(&["--all", "-r"]);
    wait_until("it fetches", || fetches(node));
    postgres.stop();
    // Nobody could say for 6 s that its lock is still its own: it ends by itself, long before it has fetched all.
    let output = running.wait();
    postgres.go_on();
    let said = fails(&output, 1);
    assert!(said.contains("the lock was lost: this machine stood still for too long"), "{said}");
    assert_true(&scene.ays, node, "x");
    scene.origin.limit_rate(1000);
    scene.succeeds(&["--all", "-r"]);
    scene.assert_installed(node);
}

#[test]
fn an_availability_goes_on_when_the_server_restarts() {
    let mut postgres = Postgres::start();
    let scene = on_database(&postgres, 2);
    scene.succeeds(&["--targetname", "n1"]);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    first.limit_rate(32);
    let running = scene.ays.spawn(&["image", "availability", "x", "--all"]);
    wait_until("it is brought", || takes(second));
    postgres.restart();
    let output = running.wait();
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!([generation(first), generation(second)], [Some(1); 2]);
    scene.ays.succeeds(&["catalogue", "check"]);
    scene.nodes.iter().for_each(|node| assert_true(&scene.ays, node, "x"));
}

#[test]
fn a_database_that_is_away_or_takes_no_writes_is_told_before_anything_is_done() {
    let mut postgres = Postgres::start();
    let mut scene = Scene::new();
    scene.ays.set("AYS_DATABASE", &postgres.address());
    scene.publish_x(1);
    postgres.stop();
    let said = fails(&scene.run(&[]), 1);
    assert!(
        said.contains("the catalogue cannot be opened: no server answers there. Start it, or correct"),
        "{said}"
    );
    postgres.go_on();
    postgres.sql("ALTER DATABASE postgres SET default_transaction_read_only = on");
    let said = fails(&scene.run(&[]), 1);
    assert!(said.contains("the database takes no writes"), "{said}");
    assert!(!scene.node.path(POOL).exists());
    postgres.sql("ALTER DATABASE postgres RESET default_transaction_read_only");
    scene.succeeds(&[]);
    assert_true(&scene.ays, &scene.node, "x");
}

#[test]
fn a_damaged_file_is_told_and_a_backup_takes_its_place() {
    let scene = Scene::new();
    scene.publish_x(1);
    scene.succeeds(&[]);
    let backup = scene.lab.dir().join("kept.db");
    let backup = backup.to_str().unwrap();
    scene.ays.succeeds(&["catalogue", "backup", backup]);
    let file = file_of(&scene);
    OpenOptions::new().write(true).open(&file).unwrap().write_all_at(&[0x5a; 100], 0).unwrap();
    for command in [&["image", "list"][..], &["catalogue", "check"], &["catalogue", "restore", backup]] {
        let said = fails(&scene.ays.run(command), 1);
        assert!(said.contains(&format!("its file is damaged. To go on, move {file} away")), "{said}");
        assert!(said.contains("`ays catalogue restore FILE` takes over"), "{said}");
    }
    for end in ["", "-wal", "-shm"] {
        let _ = fs::rename(format!("{file}{end}"), format!("{file}.damaged{end}"));
    }
    scene.ays.succeeds(&["catalogue", "restore", backup]);
    let text = scene.succeeds(&[]);
    assert!(text.contains("nothing to do"), "{text}");
    scene.ays.succeeds(&["catalogue", "check"]);
}

/// The same operator, whose clock is so far from the others'.
fn with_clock(ays: &Ays, offset: &str) -> Ays {
    let mut other = ays.clone();
    // As Debian's libfaketime is installed: scripts/install-test-parts.
    other.set("LD_PRELOAD", "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1");
    other.set("FAKETIME", offset);
    // Only the clock that people set: no machine's other clocks jump with it.
    other.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    other
}

#[test]
fn no_lock_is_taken_twice_when_the_clock_is_set() {
    let scene = Many::new(1, 16);
    scene.origin.limit_rate(32);
    for (offset, seed) in [("+1h", 7), ("-1h", 8)] {
        publish(&scene, seed);
        let first = scene.spawn(&["--all", "-r"]);
        wait_until("it fetches", || fetches(&scene.nodes[0]));
        let other = with_clock(&scene.ays, offset).spawn(&["install", "-n", "image_x", "--all"]);
        let (first, second) = (first.wait(), other.wait());
        assert_eq!((first.code, second.code), (Some(0), Some(0)), "{offset}: {first:#?} {second:#?}");
        let said = format!("{}{}", second.stdout, second.stderr);
        assert!(said.contains("has been at work on image_x/main on n1 since"), "{offset}: {said}");
        assert!(said.contains("nothing to do"), "{offset}: {said}");
    }
    assert_true(&scene.ays, &scene.nodes[0], "x");
}

#[test]
fn a_clock_that_jumps_between_operations_loses_nothing() {
    let mut scene = Many::new(2, 1);
    let right = scene.ays.clone();
    let at = |scene: &mut Many, offset: &str| scene.ays = with_clock(&right, offset);
    scene.succeeds(&["--all"]);
    at(&mut scene, "-1h");
    install_next(&scene, 7);
    at(&mut scene, "+1h");
    scene.ays.succeeds(&["image", "undo", "x"]);
    scene.ays.succeeds(&["scrub"]);
    at(&mut scene, "-1h");
    install_next(&scene, 8);
    scene.ays.succeeds(&["scrub"]);
    scene.ays.succeeds(&["catalogue", "check"]);
    scene.ays.succeeds(&["image", "prune", "--keep", "0", "--yes"]);
    scene.ays = right;
    assert_eq!([generation(&scene.nodes[0]), generation(&scene.nodes[1])], [Some(3); 2]);
    scene.nodes.iter().for_each(|node| assert_true(&scene.ays, node, "x"));
    scene.ays.succeeds(&["catalogue", "check"]);
    let runs = scene.ays.json(&["runs"]);
    assert!(runs.as_array().unwrap().iter().all(|run| run["status"] == "succeeded"), "{runs:#}");
    // The records have the order in which things were done, whatever the clock said.
    let audit = scene.ays.json(&["audit", "--image", "x"]);
    let current = audit.as_array().unwrap().iter().filter(|record| record["what"] == "current");
    let after: Vec<_> = current.map(|record| record["after"].clone()).collect();
    assert_eq!(after, [3, 1, 2, 1].map(serde_json::Value::from), "{audit:#}");
}
