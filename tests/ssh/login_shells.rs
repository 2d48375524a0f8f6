//! Login shells: whichever it is, and whatever it says, what is sent passes through it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Scene, scene};
use crate::support::{Ays, Lab, Node};

/// Gives root another login shell.
fn set_shell(node: &Node, shell: &str) {
    let passwd = node.path("etc/passwd");
    let text = fs::read_to_string(&passwd).unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix("root:") {
        Some(rest) => format!("root:{}:{shell}\n", rest.rsplit_once(':').unwrap().0),
        None => format!("{line}\n"),
    });
    fs::write(passwd, lines.collect::<String>()).unwrap();
}

/// A node whose login shell is `shell`, which reads `rc` at its start: the helper is pushed, found again, and a key is
/// put there.
fn works(shell: &str, rc: &str, says: &str) {
    let lab = Lab::new();
    let node = lab.node("n1");
    set_shell(&node, shell);
    let rc = node.path(rc);
    fs::create_dir_all(rc.parent().unwrap()).unwrap();
    fs::write(&rc, says).unwrap();
    fs::set_permissions(&rc, fs::Permissions::from_mode(0o700)).unwrap();
    let scene = scene(lab);
    scene.environment.add_node(&node, "");
    let ays = Ays::new(&scene.lab, &scene.environment, &[&node]);
    scene.assert_installed(&scene.install(&ays, &node, &[]), &node);
    let helper = node.list("/root/.cache/ays");
    scene.assert_installed(&scene.install(&ays, &node, &["-r"]), &node);
    assert_eq!(node.list("/root/.cache/ays"), helper);
    assert_eq!(helper.len(), 1, "{helper:?}");
    key_is_put(&scene, &ays, &node);
    node.wait_until_quiet(std::time::Duration::from_secs(5));
}

fn key_is_put(scene: &Scene, ays: &Ays, node: &Node) {
    let public = scene.lab.dir().join("other.pub");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPxBQRTaZKDU8eo3Z3Zb7xF3N0wm1o3ZpnBbWsAvmo3H";
    fs::write(&public, format!("{key} other\n")).unwrap();
    let add = ["node", "add", "n9", "--ip", &node.address, "--install-key", public.to_str().unwrap()];
    let output = ays.run(&add);
    assert!(output.stderr.contains("the public key"), "{output:#?}");
    let authorized = fs::read_to_string(node.path("root/.ssh/authorized_keys")).unwrap();
    assert_eq!(authorized.lines().last(), Some(format!("{key} other").as_str()));
}

#[test]
fn tcsh() {
    works(
        "/bin/tcsh",
        "root/.cshrc",
        "set prompt = '%n! '\nset backslash_quote\necho 'welcome!'\nstty erase '^H'\n",
    );
}

#[test]
fn csh() {
    works("/bin/bsd-csh", "root/.cshrc", "echo 'welcome'\nstty erase '^H'\n");
}

#[test]
fn fish() {
    works("/usr/bin/fish", "root/.config/fish/config.fish", "echo welcome\nstty erase '^H'\n");
}

#[test]
fn a_shell_that_talks_before_and_after() {
    // What it says first does not end its line; it stays, and has the last word.
    let says = "#!/bin/sh\nstty erase '^H'\nprintf 'last login: today '\nsh \"$@\"\necho bye\necho bye >&2\n";
    works("/root/shell", "root/shell", says);
}
