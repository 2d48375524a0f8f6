//! Packages of the node's system.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{on_n1, template};
use crate::support::{Kind, Lab, Scene};

/// Stands in for apt and dpkg: `dpkg-query` lists what `apt-get install` was asked for, and each call is noted.
fn fake_apt(scene: &Scene) {
    let bin = scene.lab.dir().join("bin");
    fs::create_dir(&bin).unwrap();
    let script = |name: &str, text: &str| {
        fs::write(bin.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    };
    script(
        "apt-get",
        "if [ $1 = -s ]; then shift 3; for name in \"$@\"; do echo \"Remv $name [1]\"; \
         sed -n \"s/^\\(needs-$name\\) .*/Remv \\1 [1]/p\" /var/dpkg; done; exit; fi\n\
         echo \"$@\" >>/var/apt\n\
         while [ $# -gt 0 ]; do case $1 in -o) shift;; install|remove|update) what=$1;; --) shift; break;; esac; shift; done\n\
         for name in \"$@\"; do case $what in\n\
         install) echo \"$name $name:all 1 installed\" >>/var/dpkg;;\n\
         remove) sed -i \"/^$name /d\" /var/dpkg;; esac; done",
    );
    script("dpkg-query", "cat /var/dpkg");
    script("apt-cache", "printf '%s\\n' there one two");
    scene.node.mount(&bin, "/usr/local/sbin");
    scene
        .node
        .exec("echo 'there there:all 1 installed' >/var/dpkg; : >/var/apt; mkdir -p /etc/apt/sources.list.d");
}

#[test]
fn packages_come_in_one_transaction_and_go_again() {
    let scene = Scene::new();
    fake_apt(&scene);
    fs::write(scene.origin.file("key"), "-----BEGIN PGP PUBLIC KEY BLOCK-----\n").unwrap();
    template(
        &scene,
        "app",
        &format!(
            "ubuntu.packages = 'there', 'one two'\nubuntu.apt.source.1 = 'deb http;//ppa.example.org/u xenial main'\n\
             ubuntu.apt.key.pub.1 = 'http;//{}/key'\n",
            Lab::SOURCE
        ),
    );
    template(&scene, "other", "ubuntu.packages = 'two',\n");
    let calls = || {
        let calls = fs::read_to_string(scene.node.path("/var/apt")).unwrap();
        let calls = calls.lines().map(|line| line.rsplit_once("force-confold ").unwrap().1.to_owned());
        calls.collect::<Vec<_>>()
    };
    assert_eq!(on_n1(&scene, &["install", "-n", "app"]).code, Some(0));
    assert_eq!(calls(), ["update --", "install --no-install-recommends -- one two"]);
    let source =
        fs::read_to_string(scene.node.path("/etc/apt/sources.list.d/ays-jumpscale__app__main.list")).unwrap();
    let keyring = "/etc/apt/keyrings/ays-jumpscale__app__main-1.asc";
    assert!(
        source.contains(&format!("deb [signed-by={keyring}] http://ppa.example.org/u xenial main")),
        "{source}"
    );
    assert!(scene.node.path(keyring).is_file());
    // Again nothing is missing.
    assert_eq!(on_n1(&scene, &["install", "-n", "app", "-r"]).code, Some(0));
    assert_eq!(on_n1(&scene, &["install", "-n", "other"]).code, Some(0));
    assert_eq!(calls().len(), 2, "{:?}", calls());
    // A run that was killed behind the sources' writing has not read them.
    scene.node.exec("sed -i '/^one /d' /var/dpkg");
    assert_eq!(on_n1(&scene, &["install", "-n", "app", "-r"]).code, Some(0));
    assert_eq!(calls()[2..], ["update --", "install --no-install-recommends -- one"]);
    // What two services list goes with the last one.
    assert_eq!(on_n1(&scene, &["uninstall", "-n", "app"]).code, Some(0));
    assert_eq!(calls().last().unwrap(), "remove -- one");
    assert_eq!(on_n1(&scene, &["uninstall", "-n", "other"]).code, Some(0));
    assert_eq!(calls().last().unwrap(), "remove -- two");
    // What others need stays, and is said.
    assert_eq!(on_n1(&scene, &["install", "-n", "other"]).code, Some(0));
    scene.node.exec("echo 'needs-two needs-two:all 1 installed' >>/var/dpkg");
    let output = on_n1(&scene, &["uninstall", "-n", "other"]);
    assert!(
        format!("{output:?}").contains("the package two stays: packages of others need it"),
        "{output:#?}"
    );
    assert_eq!(calls().last().unwrap(), "install --no-install-recommends -- two");
    // What no source has is no pattern.
    template(&scene, "other", "ubuntu.packages = 'tw.',\n");
    let output = on_n1(&scene, &["install", "-n", "other"]);
    assert!(output.stderr.contains("no source of the node has a package `tw.`"), "{output:#?}");
    assert!(!scene.node.path(keyring).exists() && scene.node.list("/etc/apt/sources.list.d").is_empty());
}

#[test]
fn a_node_without_apt_is_refused_by_name() {
    let lab = Lab::new();
    let node = lab.node_with("n1", Kind::Bare, "200m", &[]);
    let scene = Scene::on(lab, node);
    template(&scene, "app", "ubuntu.packages = 'nginx',\n");
    let output = on_n1(&scene, &["install", "-n", "app"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("`ubuntu.*` is for nodes with apt"), "{output:#?}");
}
