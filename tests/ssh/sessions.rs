//! Connections that have few sessions, or no socket.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use super::{DEST, scene};
use crate::support::{Ays, Kind, Lab, Node, lab, sha256};

const ONE_SESSION: [&str; 2] = ["-o", "MaxSessions=1"];

#[test]
fn one_session_is_enough_for_a_new_node() {
    for kind in [Kind::Full, Kind::Bare] {
        let lab = Lab::new();
        let node = lab.node_with("n1", kind, "64m", &ONE_SESSION);
        let scene = scene(lab);
        scene.environment.add_node(&node, "");
        let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
        scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
        assert_eq!(node.logins(), 1, "{kind:?}: {}", node.log());
    }
}

#[test]
fn one_session_is_enough_for_one_run_after_the_other_and_for_some_at_once() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Full, "64m", &ONE_SESSION);
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let recipe =
        fs::read_to_string(scene.environment.repo().join("servicetemplates/data/service.hrd")).unwrap();
    let names = ["data1", "data2", "data3", "data4"];
    for name in names {
        let recipe = recipe.replace(DEST, &format!("/var/tmp/{name}"));
        scene.environment.write(&format!("servicetemplates/{name}/service.hrd"), &recipe);
    }
    let mut ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    ays.set("AYS_SSH_KEEP", "60s");
    for _ in 0..10 {
        // So that the helper is sent each time.
        let _ = fs::remove_dir_all(node.path("/root/.cache"));
        scene.assert_installed(&scene.install(&ays, &node, &["-r"]), &node);
    }
    // A session that is freed late costs a login.
    assert!(node.logins() < 5, "{}", node.log());
    for _ in 0..3 {
        let spawn = |name| ays.spawn(&["install", "-n", name, "--targetname", "n1", "-r"]);
        let running = names.map(spawn);
        for (running, name) in running.into_iter().zip(names) {
            let output = running.wait();
            assert_eq!(output.code, Some(0), "{output:#?}\nsshd: {}", node.log());
            assert_eq!(sha256(&node.path(format!("/var/tmp/{name}"))), sha256(&scene.origin.file("data")));
        }
    }
    scene.lab.end("/usr/bin/ssh");
}

#[test]
fn bytes_go_through_the_controller_to_nodes_with_one_session() {
    let lab = Lab::new();
    let nodes = ["n1", "n2", "n3"].map(|name| lab.node_with(name, Kind::Full, "64m", &ONE_SESSION));
    let scene = scene(lab);
    for node in &nodes {
        scene.environment.add_node(node, "");
        node.isolate();
    }
    let ays = Ays::new(&scene.lab, &scene.environment, &nodes.iter().collect::<Vec<_>>());
    let output = ays.run(&["install", "-n", "data", "--all"]);
    for node in &nodes {
        scene.assert_installed(&output, node);
        node.wait_until_quiet(std::time::Duration::from_secs(15));
    }
    // The helper has the only session of the first connection.
    assert!(nodes.iter().map(Node::logins).sum::<usize>() > nodes.len());
    assert_eq!(scene.origin.sent("data"), fs::metadata(scene.origin.file("data")).unwrap().len());
}

#[test]
fn a_directory_whose_name_is_too_long_for_sockets() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    for (number, name) in ["d".repeat(90), "100%h ${HOME}".to_owned()].iter().enumerate() {
        let temporary = scene.lab.dir().join(name);
        fs::create_dir(&temporary).unwrap();
        for keep in ["0s", "60s"] {
            let mut ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
            ays.set("TMPDIR", temporary.to_str().unwrap());
            ays.set("AYS_SSH_KEEP", keep);
            scene.assert_installed(&scene.install(&ays, &node, &["-r"]), &node);
        }
        // The second one that is kept is the first one.
        assert_eq!(node.logins(), 2 + number);
    }
    scene.lab.end("/usr/bin/ssh");
}

/// A directory in which nothing new can be made, however mighty the user.
struct Immutable<'a>(&'a Path);

impl<'a> Immutable<'a> {
    fn new(directory: &'a Path) -> Self {
        lab::run("chattr", &["+i", directory.to_str().unwrap()]);
        Self(directory)
    }
}

impl Drop for Immutable<'_> {
    fn drop(&mut self) {
        // Else the lab's directory stays.
        let _ = std::process::Command::new("chattr").arg("-i").arg(self.0).status();
    }
}

#[test]
fn where_no_connection_can_be_kept_it_has_a_directory_of_its_own() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let mut ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    ays.set("AYS_SSH_KEEP", "60s");
    let kept = ays.temporary().join("ays-0");
    fs::DirBuilder::new().mode(0o700).create(&kept).unwrap();
    {
        let _immutable = Immutable::new(&kept);
        scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
    }
    scene.assert_installed(&scene.install(&ays, &node, &["-r"]), &node);
    scene.lab.end("/usr/bin/ssh");
    // Now its log is there, its socket is not: ssh fails to make it, after a login.
    let logins = node.logins();
    let _immutable = Immutable::new(&kept);
    scene.assert_installed(&scene.install(&ays, &node, &["-r"]), &node);
    assert_eq!(node.logins(), logins + 2, "{}", node.log());
    scene.lab.wait_until_gone("/usr/bin/ssh", std::time::Duration::from_secs(5));
}

#[test]
fn on_a_file_system_without_sockets_each_command_has_a_connection() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let mut ays = Ays::new(&scene.lab, &scene.environment, &[]);
    // The real ssh, which is told to make its socket where there can be none.
    let programs = scene.lab.dir().join("programs");
    fs::create_dir(&programs).unwrap();
    let script = "#!/bin/sh\nwas=\nfor word; do\n  shift\n  [ \"$was\" != -S ] || word=/sys/master\n  was=$word\n  \
                  set -- \"$@\" \"$word\"\ndone\nexec /usr/bin/ssh \"$@\"\n";
    fs::write(programs.join("ssh"), script).unwrap();
    fs::set_permissions(programs.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
    ays.set("PATH", &format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display()));
    scene.assert_installed(&scene.install(&ays, &node, &["--accept-new-host-key"]), &node);
    assert_eq!(node.logins(), 2, "{}", node.log());
    scene.lab.wait_until_gone("/usr/bin/ssh", std::time::Duration::from_secs(5));
    node.wait_until_quiet(std::time::Duration::from_secs(5));
}

#[test]
fn a_directory_that_others_made_is_not_used() {
    let lab = Lab::new();
    let node = lab.node("n1");
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let mut ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    ays.set("AYS_SSH_KEEP", "60s");
    let others = ays.temporary().join("ays-0");
    fs::create_dir(&others).unwrap();
    std::os::unix::fs::chown(&others, Some(1001), None).unwrap();
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
    assert_eq!(fs::read_dir(&others).unwrap().count(), 0);
}
