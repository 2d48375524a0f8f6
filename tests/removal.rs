//! Files go from pools for ever: what is used stays, and whatever stops it, it goes on.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::states::{fails, generation, install_next};
use crate::support::lab::run;
use crate::support::truth::{POOL, assert_true, stored};
use crate::support::{Many, Node};

const DELETE: [&str; 5] = ["image", "delete", "x", "--permanently", "--yes"];

fn status(scene: &Many) -> String {
    scene.ays.json(&["image", "show", "x"])["status"].as_str().expect("a status").to_owned()
}

/// Puts a disk of a machine beside the stored file, which stands on it.
fn overlay(node: &Node) -> std::path::PathBuf {
    let [file] = &stored(node)[..] else { panic!("one file") };
    let path = node.path(POOL).join("machine.qcow2");
    run("qemu-img", &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", file, path.to_str().unwrap()]);
    path
}

#[test]
fn what_a_process_has_open_or_a_disk_stands_on_is_refused_before_anything_is_removed() {
    let scene = Many::new(2, 1);
    scene.succeeds(&["--all"]);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    let [file] = &stored(first)[..] else { panic!("one file") };

    // It has the file open before its number is printed.
    let reader = first.exec(&format!("exec 3<{POOL}/{file}; sleep 1000 >/dev/null 2>&1 & echo $!"));
    let said = fails(&scene.ays.run(&DELETE), 1);
    first.exec(&format!("kill {reader}"));
    assert!(said.starts_with("error: x is as it was, and nothing was removed:\n"), "{said}");
    assert!(said.contains("on n1, ") && said.contains(", sleep, has it open"), "{said}");
    assert_eq!(
        (status(&scene), generation(first), generation(second)),
        ("CREATED".to_owned(), Some(1), Some(1))
    );

    let disk = overlay(second);
    let said = fails(&scene.ays.run(&DELETE), 1);
    assert!(said.contains("on n2, ") && said.contains("machine.qcow2 stands on it"), "{said}");
    assert_eq!((stored(first).len(), status(&scene)), (1, "CREATED".to_owned()));
    fs::remove_file(disk).unwrap();

    // Nobody to ask, and nothing that says that it is meant.
    fails(&scene.ays.run(&DELETE[..4]), 2);
    let mut terminal = scene.ays.on_terminal(&DELETE[..4]);
    terminal.expect("All files of x are removed from every pool. Type its name to go on:");
    terminal.enter("y");
    terminal.expect("type x, or press Esc");
    terminal.enter("\u{7f}x");
    terminal.expect("x is DESTROYED: 2 files removed, ");
    assert_eq!(terminal.end().0, Some(0));
    assert_eq!([stored(first), stored(second)], [[""; 0], [""; 0]]);
    assert_eq!(status(&scene), "DESTROYED");
    assert_eq!(scene.ays.json(&["image", "list"]), json!([]));
    assert_eq!(scene.ays.json(&["image", "list", "--all"])[0]["status"], "DESTROYED");
    scene.ays.succeeds(&["list"]);
    assert_eq!(scene.ays.succeeds(&DELETE), "x is DESTROYED already\n");

    // It starts anew.
    scene.succeeds(&["--targetname", "n1"]);
    assert_eq!((generation(first), generation(second)), (Some(1), None));
    assert_true(&scene.ays, first, "x");
}

#[test]
fn a_deletion_whose_controller_was_killed_goes_on_and_an_unreachable_pool_holds_it_up() {
    let scene = Many::new(2, 1);
    scene.succeeds(&["--all"]);
    let [first, second] = &scene.nodes[..] else { panic!("two nodes") };
    second.cut();
    let said = fails(&scene.ays.run(&DELETE), 1);
    assert!(said.contains("on n2"), "{said}");
    assert_eq!((status(&scene), stored(first).len()), ("CREATED".to_owned(), 1));
    second.heal();

    // Killed again and again at other moments, until one ends by itself.
    for delay in (0..).map(|round| Duration::from_millis(120 * round)) {
        let mut running = scene.ays.spawn(&DELETE);
        if running.wait_for_end(delay) {
            assert_eq!(running.wait().code, Some(0));
            break;
        }
        running.signal(Signal::SIGKILL);
        running.wait_for_end(Duration::from_secs(10));
        for node in [first, second] {
            assert_true(&scene.ays, node, "x");
        }
    }
    assert_eq!([stored(first), stored(second)], [[""; 0], [""; 0]]);
    assert_eq!(status(&scene), "DESTROYED");
}

#[test]
fn prune_shows_what_it_would_remove_and_keeps_what_is_offered_kept_or_used() {
    let scene = Many::new(1, 1);
    let node = &scene.nodes[0];
    scene.succeeds(&["--all"]);
    let disk = overlay(node);
    for seed in [11, 12, 13, 14] {
        install_next(&scene, seed);
    }
    let files = |node: &Node| stored(node).into_iter().filter(|name| name.starts_with("x-")).count();
    assert_eq!(files(node), 5);
    scene.ays.succeeds(&["image", "undo", "x", "--to", "4"]);

    let listed = scene.ays.json(&["image", "prune"]);
    let mut found: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["of"][0]["generation"], row["result"]]))
        .collect();
    found.sort_by_key(Value::to_string);
    // Generation 4 is offered; 5 and 3 are the two newest others.
    assert_eq!(found, [json!([1, "kept"]), json!([2, "unused"])], "{listed:#}");
    let shown = scene.ays.succeeds(&["image", "prune", "x"]);
    assert!(shown.ends_with("nothing was removed: --yes removes them\n"), "{shown}");
    assert_eq!(files(node), 5);

    let said = scene.ays.succeeds(&["image", "prune", "x", "--yes"]);
    assert!(said.contains("1 of 1 file removed"), "{said}");
    assert_eq!((files(node), generation(node)), (4, Some(4)));
    fs::remove_file(disk).unwrap();
    scene.ays.succeeds(&["image", "prune", "--keep", "0", "--yes"]);
    // The one that is offered stays, and nothing else.
    assert_eq!((files(node), generation(node)), (1, Some(4)));
    assert_true(&scene.ays, node, "x");
    scene.ays.succeeds(&["list"]);
    scene.ays.succeeds(&["runs"]);
    let generations = scene.ays.json(&["image", "generations", "x"]);
    let copies: Vec<_> = generations
        .as_array()
        .unwrap()
        .iter()
        .map(|generation| generation["copies"].as_array().unwrap().len())
        .collect();
    assert_eq!(copies, [0, 1, 0, 0, 0]);
    // What was pruned and undone comes again by an install, and is not offered.
    scene.succeeds(&["--all"]);
    assert_eq!(generation(node), Some(4));
}
