//! `ays image check`, and what an install finds in the image that it brings.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    Lab, Scene,
    lab::{checkout, output},
    qcow2,
    truth::shown,
};

const NO_DRIVER: &str = "Windows without VirtIO drivers: it will not boot on KVM: the disk's driver is missing: stop 0x7B \
                         INACCESSIBLE_BOOT_DEVICE";

/// Makes `path` a qcow2 with a pretend Windows that has no VirtIO drivers.
fn windows(path: &Path) {
    let raw = path.with_extension("ntfs");
    let fixture = checkout().join("fixtures/disks/windows.ntfs.gz");
    assert!(
        Command::new("gzip")
            .arg("-dc")
            .arg(fixture)
            .stdout(File::create(&raw).unwrap())
            .status()
            .unwrap()
            .success()
    );
    output(Command::new("qemu-img").args(["convert", "-q", "-f", "raw", "-O", "qcow2"]).arg(&raw).arg(path));
    fs::remove_file(raw).unwrap();
}

#[test]
fn a_file_of_this_machine() {
    let scene = Scene::new();
    let (tree, image) = (scene.lab.dir().join("tree"), scene.lab.dir().join("debian.img"));
    fs::create_dir_all(tree.join("etc")).unwrap();
    fs::write(tree.join("etc/os-release"), "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n").unwrap();
    File::create(&image).unwrap().set_len(4 << 20).unwrap();
    output(Command::new("mkfs.ext4").arg("-qFd").arg(&tree).arg(&image));
    let name = image.to_str().unwrap();
    assert_eq!(
        scene.ays.succeeds(&["image", "check", name]),
        format!(
            "{name}: raw, a disk of 4.2 MB, no partition table\n  \
             system      Debian GNU/Linux 12, for an unknown processor\n  \
             root        the whole disk, ext4, can grow\n  \
             first boot  nothing sets it up\n\
             warning: cloud-init is missing: machines get no users, no keys and no larger file system at their first \
             start\n  take the distribution's cloud image, or install cloud-init in it\n"
        )
    );
    assert_eq!(fs::read_dir(scene.ays.temporary()).unwrap().count(), 0, "a check leaves nothing");
    // Packed, as a source may serve it.
    output(Command::new("gzip").args(["-1", "-k"]).arg(&image));
    let said = |verb: &str, name: &str| scene.ays.succeeds(&["image", verb, name]).replace(name, "");
    let packed = format!("{name}.gz");
    for verb in ["check", "digest"] {
        assert_eq!(said(verb, &packed), said(verb, name), "{verb}");
    }
    assert_eq!(fs::read_dir(scene.ays.temporary()).unwrap().count(), 0, "a packed one leaves nothing");

    // Refused without a look at what it names.
    let backed = scene.lab.dir().join("backed.qcow2");
    output(
        Command::new("qemu-img")
            .args(["create", "-q", "-u", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw"])
            .arg(&backed)
            .arg("1M"),
    );
    let refused = scene.ays.run(&["image", "check", backed.to_str().unwrap()]);
    let reason = "cannot be inspected: it stands on a backing file, so it is not whole: `qemu-img convert -O qcow2`, where that file is, makes one that is";
    assert_eq!((refused.code, refused.stderr), (Some(1), format!("error: {}: {reason}\n", backed.display())));
}

#[test]
fn a_windows_without_drivers_is_warned_of_and_what_was_found_is_shown() {
    let scene = Scene::new();
    windows(&scene.origin.file("x.qcow2"));
    let url = format!("http://{}", Lab::SOURCE);
    scene.environment.add_image_of("x", &url, "/x.qcow2", "checkmd5:'false'", "Windows", 20);
    let warnings = |more: &[&str]| -> Vec<String> {
        let events = scene.succeeds(&[&["--json"], more].concat());
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events
            .filter(|event| event["event"] == "warning")
            .map(|event| event["message"].as_str().unwrap().to_owned())
            .collect()
    };
    let expected = [
        format!("x: {NO_DRIVER}; install the drivers of virtio-win in the image (viostor or vioscsi, and NetKVM)"),
        "x: cloudbase-init is missing: machines get no password and no larger file system at their first start; \
         install cloudbase-init in the image"
            .to_owned(),
    ];
    assert_eq!(warnings(&[]), expected);
    // Whoever registers it hears of it, each time.
    assert_eq!(warnings(&["-r"]), expected);
    let detail = shown(&scene.ays, "x").expect("the image");
    let disk = &detail["generations"][0]["disk"];
    assert_eq!(
        disk,
        &json!({
            "os": "Windows", "osVersion": null, "architecture": null, "startedBy": null, "firstBoot": "none",
            "virtio": false, "canGrow": true, "inspectedAt": disk["inspectedAt"],
            "findings": [
                "error: Windows without VirtIO drivers: it will not boot on KVM: the disk's driver is missing: stop 0x7B \
                 INACCESSIBLE_BOOT_DEVICE",
                "warning: cloudbase-init is missing: machines get no password and no larger file system at their first start",
            ],
        })
    );
    let text = scene.ays.succeeds(&["image", "show", "x"]);
    let line = "     disk    Windows, nothing sets it up, NO VirtIO drivers, can grow";
    assert!(text.lines().any(|found| found == line), "{text}");

    let checked = scene.ays.run(&["image", "check", "x", "--json"]);
    assert_eq!(
        (checked.code, checked.stderr.as_str()),
        (Some(1), "error: machines will not start from x: 1 error\n")
    );
    let said: Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!([&said["checked"], &said["node"]], [&json!("x"), &json!("n1")]);
    assert_eq!(
        [&said["findings"][0]["severity"], &said["findings"][0]["message"]],
        [&json!("error"), &json!(NO_DRIVER)]
    );
}

#[test]
fn a_disk_has_one_digest_whatever_its_format() {
    let scene = Scene::new();
    let raw = scene.lab.dir().join("disk.raw");
    let content = qcow2(&scene.lab.dir().join("disk.qcow2"), 77);
    output(
        Command::new("qemu-img")
            .args(["convert", "-O", "raw"])
            .arg(scene.lab.dir().join("disk.qcow2"))
            .arg(&raw),
    );
    for format in ["qcow2", "vmdk", "vhdx", "vdi"] {
        let file = scene.lab.dir().join(format!("made.{format}"));
        output(Command::new("qemu-img").args(["convert", "-f", "raw", "-O", format]).arg(&raw).arg(&file));
        let name = file.to_str().unwrap();
        assert_eq!(
            scene.ays.succeeds(&["image", "digest", name]),
            format!("fsverity-sha256:{content}  {name}\n"),
            "{format}"
        );
    }
    let name = raw.to_str().unwrap();
    assert_eq!(
        scene.ays.json(&["image", "digest", "--format", "raw", name]),
        json!({ "file": name, "digest": format!("fsverity-sha256:{content}"), "virtualSize": fs::metadata(&raw).unwrap().len() })
    );
}
