//! Logins that are not root: each way in which sudo does not make them root has its own cure.

use std::fs;

use super::scene;
use crate::support::{Ays, Kind, Lab, Output};

/// What `ays` comes to with a node and its login `ops`, where sudoers has these lines more.
fn run(kind: Kind, sudoers: &str, arguments: &[&str]) -> Output {
    let lab = Lab::new();
    let node = lab.node_with("n1", kind, "64m", &[]);
    let path = node.path("etc/sudoers");
    if !sudoers.is_empty() {
        // The last line that fits wins.
        let text = fs::read_to_string(&path).unwrap() + sudoers;
        fs::write(&path, text).unwrap();
    }
    let scene = scene(lab);
    scene.environment.add_node(&node, "instance.login = 'ops'\n");
    let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    let output = ays.run(arguments);
    if output.code == Some(0) {
        scene.assert_installed(&output, &node);
        node.wait_until_quiet(std::time::Duration::from_secs(15));
    }
    output
}

const INSTALL: [&str; 5] = ["install", "-n", "data", "--targetname", "n1"];

#[track_caller]
fn refused(kind: Kind, sudoers: &str, reason: &str, cure: &str) {
    let output = run(kind, sudoers, &INSTALL);
    let said = format!("error: data on n1 was not installed\n  because: connect: {reason}\n");
    assert_eq!((output.code, output.stderr), (Some(1), said));
    let output = run(kind, sudoers, &["node", "check", "n1"]);
    let said = format!("n1: 1 error\n  error: {reason}\n    cure: {cure}\n");
    assert_eq!((output.code, output.stdout), (Some(1), said));
}

#[test]
fn it_wants_a_terminal() {
    refused(
        Kind::Full,
        "Defaults:ops requiretty\n",
        "sudo makes this login root only on a terminal: its sudoers need `Defaults:LOGIN !requiretty`; it said: sudo: sorry, \
         you must have a tty to run sudo",
        "put that line into a file of /etc/sudoers.d there (visudo -f FILE)",
    );
}

#[test]
fn it_wants_a_password() {
    refused(
        Kind::Full,
        "ops ALL=(ALL) PASSWD: ALL\n",
        "sudo does not let this login become root without a password; it said: sudo: a password is required",
        "let it: a line `LOGIN ALL=(ALL) NOPASSWD: ALL` in a file of /etc/sudoers.d there (visudo -f FILE)",
    );
}

#[test]
fn it_is_not_there() {
    refused(
        Kind::Bare,
        "",
        "this login is not root, and the node has no sudo",
        "install sudo there, or let instance.login name root",
    );
}

#[test]
fn it_runs_commands_on_a_terminal_of_its_own() {
    assert_eq!(run(Kind::Full, "Defaults use_pty\n", &INSTALL).code, Some(0));
}
