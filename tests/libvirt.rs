//! A node with libvirt: a real libvirtd without a hypervisor, whose storage pool is the pool's directory.

use std::fs;
use std::process::Command;

use crate::support::truth::{POOL, assert_true, stored};
use crate::support::{Node, Scene, qcow2};

/// Starts libvirtd on a node, with the storage pool `templates`.
fn start_libvirt(node: &Node) {
    // Its package makes the user and the groups on a machine with systemd; the lab's nodes have neither.
    node.exec(&format!(
        "echo 'libvirt-qemu:x:64055:64055::/:/bin/false' >>/etc/passwd
        printf 'libvirt-qemu:x:64055:\\nkvm:x:64056:\\n' >>/etc/group
        ln -s ../run /var/run
        mkdir -p /var/log/libvirt {POOL}
        libvirtd -d >/dev/null 2>&1
        tries=100
        until virsh -c storage:///system uri >/dev/null 2>&1; do
            tries=$((tries - 1)); [ $tries -gt 0 ] || exit 1; sleep 0.1
        done
        virsh -c storage:///system pool-create-as templates dir --target {POOL}"
    ));
}

/// The files that libvirt lists.
fn volumes(node: &Node) -> Vec<String> {
    let listed = node.exec("virsh -c qemu:///system vol-list templates");
    let mut names: Vec<_> = listed
        .lines()
        .skip(2)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| !name.starts_with('.') && *name != "ays-images.json")
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

#[test]
fn libvirt_sees_what_is_installed() {
    let scene = Scene::new();
    start_libvirt(&scene.node);
    assert_eq!(volumes(&scene.node), [""; 0]);
    scene.publish_x(1);
    scene.environment.commit();
    let said = scene.run(&[]);
    assert_eq!((said.code, said.stderr.contains("warning")), (Some(0), false), "{said:#?}");
    let first = stored(&scene.node);
    assert_eq!((first.len(), volumes(&scene.node)), (1, first.clone()));

    // libvirtd hangs: the install does not, and says what to do.
    scene.node.exec("kill -STOP $(cat /run/libvirtd.pid)");
    qcow2(&scene.origin.file("x.qcow2"), 2);
    scene.origin.publish_md5("x.qcow2");
    let said = scene.run(&["-r"]);
    assert_eq!(said.code, Some(0), "{said:#?}");
    let told = format!("{}{}", said.stdout, said.stderr);
    assert_eq!(told.matches("did not say within 5s whether").count(), 1, "{said:#?}");
    assert!(told.contains("pool-refresh"), "{said:#?}");
    assert_true(&scene.ays, &scene.node, "x");
    scene.node.exec("kill -CONT $(cat /run/libvirtd.pid)");
    assert_eq!(volumes(&scene.node), first);

    // The next change lets it see all.
    qcow2(&scene.origin.file("x.qcow2"), 3);
    scene.origin.publish_md5("x.qcow2");
    scene.succeeds(&["-r"]);
    assert_eq!((stored(&scene.node).len(), volumes(&scene.node)), (3, stored(&scene.node)));

    // What was offered before goes without a change of the index.
    scene.ays.succeeds(&["image", "prune", "--keep", "0", "--yes"]);
    assert_eq!((stored(&scene.node).len(), volumes(&scene.node)), (1, stored(&scene.node)));
}

#[test]
fn the_reader_that_the_documents_show_reads_a_pool() {
    let scene = Scene::new();
    scene.publish_x(1);
    scene.environment.commit();
    scene.succeeds(&[]);
    let (_, code) = include_str!("../docs/images.md").split_once("```python\n").expect("a reader");
    let (code, _) = code.split_once("```").expect("its end");
    let read = |pool: &str| {
        let pool = scene.node.path(pool);
        (Command::new("python3").args(["-c", code]).arg(&pool).output().unwrap(), pool)
    };
    let (output, pool) = read(POOL);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let fields: Vec<_> = said.trim_end().split('\t').collect();
    let file = pool.join(&stored(&scene.node)[0]);
    assert_eq!(fields, ["x", "raw", "4194304", file.to_str().unwrap()]);
    assert!(file.is_file());
    fs::write(scene.node.path(POOL).join("ays-images.json"), r#"{"version": 2}"#).unwrap();
    assert_eq!(read(POOL).0.status.code(), Some(1));
}
