//! The target `docker`, against Distribution, read back by skopeo and by our own sources.

mod sign_in;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{create_accounts, ledger, publish, publish_well, refusal, states};
use crate::support::lab::{checkout, output, run};
use crate::support::truth::stored;
use crate::support::{Door, FaultProxy, Lab, Registry, Scene, http, named, sha256};

const DISK: [&str; 3] = ["as=artifact", "namespace=disks", "repositoryName=x"];

fn account(url: &str, more: &str) -> String {
    format!(
        "type = 'docker'\nname = 'reg'\nendpointUrl = '{url}'\nlogin = 'pub'\npassword = 'pub1234'\n{more}"
    )
}

fn open(registry: &Registry) -> String {
    account(&format!("http://{}", registry.host()), "")
}

fn start(scene: &Scene) -> Registry {
    Registry::start_with_deletion(&scene.lab, 5000, &Door::Open)
}

/// Where the disk of the image `x` is on the node.
fn stored_disk(scene: &Scene) -> PathBuf {
    let names = stored(&scene.node);
    scene.pool(names.iter().find(|name| name.starts_with("x-")).expect("a disk"))
}

/// Has the registry's blobs of a tag written into a directory, and gives the manifest.
fn copy_out(registry: &Registry, repository: &str, tag: &str, to: &Path) -> Value {
    registry.copy_out(repository, tag, to);
    serde_json::from_slice(&fs::read(to.join("manifest.json")).unwrap()).unwrap()
}

/// Where a blob is that `copy_out` wrote.
fn blob(directory: &Path, named: &Value) -> PathBuf {
    directory.join(named["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap())
}

/// Whether the registry has a blob in a repository.
fn has_blob(registry: &Registry, repository: &str, named: &Value) -> bool {
    let digest = named["digest"].as_str().unwrap();
    let url = format!("http://{}/v2/{repository}/blobs/{digest}", registry.host());
    http::request("GET", &url, &["-o", "/dev/null", "-D", "-"]).status == 200
}

#[test]
fn a_disk_goes_to_a_registry_and_comes_back() {
    let scene = Scene::new();
    let hash = scene.publish_x(31);
    scene.succeeds(&[]);
    let registry = start(&scene);
    let url = format!("http://{}", registry.host());
    let said = create_accounts(&scene, "reg.toml", &open(&registry));
    assert_eq!(said, format!("account reg (docker) is made; it sees\n  registry: {url}\n"));

    let plan = publish_well(&scene, "reg", &DISK, &["--plan"]);
    let expected = "account reg (docker)\n  fields   as=artifact namespace=disks repositoryName=x tagName=1\n  \
                    read     at most 1.1 MB of data, of a disk of 4.2 MB\n  sent     1.4 MB\n";
    assert!(plan.starts_with(expected), "{plan}");
    let warning = format!("  warning: the account's secrets go to {url} in clear text\n");
    assert!(plan.contains(&warning), "{plan}");
    assert_eq!(registry.manifest("disks/x", "1"), None);

    let done = publish_well(&scene, "reg", &DISK, &[]);
    let manifest = registry.manifest("disks/x", "1").expect("a manifest");
    assert_eq!(manifest["artifactType"], "application/x-qemu-disk");
    let listed = scene.ays.json(&["publication", "list"]);
    assert_eq!((&listed[0]["status"], &listed[0]["location"]), (&json!("done"), &json!("disks/x:1")));
    let id = listed[0]["cloudId"].as_str().unwrap();
    let line = format!("reg: disks/x:1 is there: {id} (publication 1)");
    assert_eq!(done.lines().last(), Some(line.as_str()), "{done}");
    let made = [
        ("upload", "removed"),
        ("blob", "made"),
        ("blob", "made"),
        ("upload", "removed"),
        ("manifest", "made"),
    ];
    assert_eq!(ledger(&scene, 1), made.map(|(kind, state)| (kind.to_owned(), state.to_owned())));
    let out = scene.lab.dir().join("out");
    let copied = copy_out(&registry, "disks/x", "1", &out);
    let (disk, stored) = (blob(&out, &copied["layers"][0]), stored_disk(&scene));
    let compare = ["compare", "-q", "-f", "qcow2", "-F", "raw"];
    output(Command::new("qemu-img").args(compare).arg(&disk).arg(&stored));
    assert_eq!(copied["layers"][0]["size"], fs::metadata(&disk).unwrap().len());

    // The same again is nothing.
    let again = publish_well(&scene, "reg", &DISK, &[]);
    let line = format!("reg: disks/x:1 was there: {id} (publication 1)");
    assert_eq!(again.lines().last(), Some(line.as_str()), "{again}");
    let plan = publish_well(&scene, "reg", &DISK, &["--plan"]);
    assert!(plan.contains("nothing is to be done: publication 1 has brought it there"), "{plan}");
    assert_eq!(states(&scene), ["done"]);

    // Our own sources read it, and it is the same content.
    let source = format!("oci+{url}/disks/x:1");
    scene.environment.add_image("y", &source, "", "checkmd5:'false'");
    scene.environment.commit();
    scene.ays.install("image_y", &scene.node);
    let names = crate::support::truth::stored(&scene.node);
    assert!(names.contains(&named("y", &hash)), "{names:?}");

    let deleted = scene.ays.succeeds(&["publication", "delete", "1", "--remote"]);
    assert_eq!(deleted.lines().last(), Some("publication 1 is deleted"), "{deleted}");
    assert_eq!(registry.manifest("disks/x", "1"), None);
    assert!(!has_blob(&registry, "disks/x", &manifest["layers"][0]));
    assert!(!has_blob(&registry, "disks/x", &manifest["config"]));
    assert_eq!(states(&scene), ["removed"]);
    // What was removed can come back.
    publish_well(&scene, "reg", &DISK, &[]);
    assert_eq!(states(&scene), ["done", "removed"]);
    assert!(registry.manifest("disks/x", "1").is_some());
}

/// A small system with all that a layer has to keep.
fn make_tree(tree: &Path) {
    fs::create_dir_all(tree.join("etc")).unwrap();
    fs::create_dir_all(tree.join("usr/bin")).unwrap();
    fs::write(tree.join("etc/os-release"), "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n").unwrap();
    let odd = tree.join("etc/odd");
    fs::write(&odd, "of somebody").unwrap();
    chown(&odd, Some(12345), Some(54321)).unwrap();
    fs::set_permissions(&odd, fs::Permissions::from_mode(0o4751)).unwrap();
    fs::hard_link(&odd, tree.join("usr/bin/linked")).unwrap();
    symlink("../../etc/odd", tree.join("usr/bin/pointer")).unwrap();
    symlink("usr/bin", tree.join("bin")).unwrap();
    fs::set_permissions(tree.join("usr"), fs::Permissions::from_mode(0o1700)).unwrap();
}

/// All below a directory: mode, owner, time and content of each, and which file it is the same as. The file system's own
/// directory is left out.
fn all_below(top: &Path) -> BTreeMap<PathBuf, String> {
    let (mut left, mut found, mut first) = (vec![top.to_owned()], BTreeMap::new(), BTreeMap::new());
    while let Some(directory) = left.pop() {
        let mut entries: Vec<_> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries.into_iter().filter(|path| !path.ends_with("lost+found")) {
            let about = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(top).unwrap().to_owned();
            let content = if about.is_dir() {
                left.push(path);
                String::new()
            } else if about.is_symlink() {
                format!("to {}", fs::read_link(&path).unwrap().display())
            } else {
                let same = first.entry(about.ino()).or_insert_with(|| name.clone());
                format!("same as {}: {}", same.display(), fs::read_to_string(&path).unwrap())
            };
            let owner = (about.uid(), about.gid());
            found.insert(name, format!("{:o} {owner:?} {} {content}", about.mode(), about.mtime()));
        }
    }
    found
}

#[test]
fn a_root_file_system_becomes_a_container_image() {
    let scene = Scene::new();
    let [tree, image, out, unpacked] =
        ["tree", "root.img", "out", "unpacked"].map(|name| scene.lab.dir().join(name));
    make_tree(&tree);
    File::create(&image).unwrap().set_len(4 << 20).unwrap();
    output(Command::new("mkfs.ext4").arg("-qFd").arg(&tree).arg(&image));
    let convert = ["convert", "-q", "-f", "raw", "-O", "qcow2"];
    output(Command::new("qemu-img").args(convert).arg(&image).arg(scene.origin.file("x.qcow2")));
    let source = format!("http://{}", Lab::SOURCE);
    scene.environment.add_image("x", &source, "/x.qcow2", "checkmd5:'false'");
    scene.succeeds(&[]);
    let registry = start(&scene);
    create_accounts(&scene, "reg.toml", &open(&registry));
    publish_well(&scene, "reg", &["namespace=systems/of", "repositoryName=x", "tagName=v1.2"], &[]);

    let manifest = copy_out(&registry, "systems/of/x", "v1.2", &out);
    let (layer, config) = (&manifest["layers"][0], &manifest["config"]);
    let kinds =
        [&manifest["mediaType"], &config["mediaType"], &layer["mediaType"], &manifest["artifactType"]];
    let expected = [
        json!("application/vnd.oci.image.manifest.v1+json"),
        json!("application/vnd.oci.image.config.v1+json"),
        json!("application/vnd.oci.image.layer.v1.tar+gzip"),
        json!(null),
    ];
    assert_eq!(kinds, expected.each_ref());
    let (packed, plain) = (blob(&out, layer), scene.lab.dir().join("layer.tar"));
    output(Command::new("sh").args(["-c", "gzip -dc < \"$1\" > \"$2\"", "sh"]).arg(&packed).arg(&plain));
    let config: Value = serde_json::from_slice(&fs::read(blob(&out, config)).unwrap()).unwrap();
    let expected = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&plain))]},
        "history": [{"created_by": "ays: generation 1 of x"}],
    });
    assert_eq!(config, expected);
    fs::create_dir(&unpacked).unwrap();
    let unpack = ["--numeric-owner", "--same-owner", "-xpf"];
    output(Command::new("tar").args(unpack).arg(&plain).arg("-C").arg(&unpacked));
    assert_eq!(all_below(&unpacked), all_below(&tree));
}

/// Makes `path` a qcow2 with a pretend Windows.
fn windows(path: &Path) {
    let raw = path.with_extension("ntfs");
    let fixture = checkout().join("fixtures/disks/windows.ntfs.gz");
    output(Command::new("sh").args(["-c", "gzip -dc < \"$1\" > \"$2\"", "sh"]).arg(fixture).arg(&raw));
    let raw = raw.to_str().unwrap();
    run("qemu-img", &["convert", "-q", "-f", "raw", "-O", "qcow2", raw, path.to_str().unwrap()]);
}

#[test]
fn a_windows_is_no_container_and_needs_a_licence() {
    let scene = Scene::new();
    windows(&scene.origin.file("x.qcow2"));
    let url = format!("http://{}", Lab::SOURCE);
    scene.environment.add_image_of("x", &url, "/x.qcow2", "checkmd5:'false'", "Windows", 20);
    scene.succeeds(&[]);
    let registry = start(&scene);
    let proxy = FaultProxy::start(Lab::CONTROLLER, 0, registry.host());
    create_accounts(&scene, "reg.toml", &account(&proxy.url(), ""));
    let licence = "Windows is in it: whoever runs it there needs a licence from Microsoft that allows that \
                   (where that is so, --accept-licence says it, once for this image)";
    let (code, said) = refusal(publish(&scene, "reg", &["namespace=disks", "repositoryName=x"], &[]));
    let expected = format!(
        "reg: Windows is in it: no container can be made of that (publish the disk \
         itself: --set as=artifact); {licence}"
    );
    assert!(code == Some(1) && said.starts_with(&expected), "{code:?} {said}");
    let refused = refusal(publish(&scene, "reg", &DISK, &[]));
    let expected = format!("reg: {licence}\n");
    assert_eq!(refused, (Some(1), expected));
    let planned = publish(&scene, "reg", &DISK, &["--plan"]);
    assert_eq!(planned.code, Some(1), "{planned:#?}");
    assert!(
        planned.stdout.contains("  error: Windows is in it: whoever runs it there needs"),
        "{planned:#?}"
    );
    assert_eq!([proxy.count("POST", ""), proxy.count("PUT", "")], [0, 0], "{:#?}", proxy.requests());
    assert_eq!(states(&scene), [(); 0].map(|()| json!(null)));

    publish_well(&scene, "reg", &DISK, &["--accept-licence"]);
    let audit = scene.ays.json(&["audit"]);
    let mut entries = audit.as_array().unwrap().iter();
    let is_yes = |entry: &&Value| entry["name"] == "x" && entry["what"] == "licence";
    assert!(entries.any(|entry| is_yes(&entry)), "{audit:#}");
    // Once is enough.
    publish_well(&scene, "reg", &[&DISK[..], &["tagName=again"]].concat(), &[]);
    assert_eq!(registry.tags("disks/x"), ["1", "again"]);
}

#[test]
fn a_tag_that_is_taken_is_replaced_by_those_who_say_so() {
    let scene = Scene::new();
    scene.publish_x(34);
    scene.succeeds(&[]);
    let registry = start(&scene);
    create_accounts(&scene, "reg.toml", &open(&registry));
    let other = scene.lab.dir().join("other");
    fs::write(&other, "of somebody else").unwrap();
    let theirs = || {
        let layer = registry.layer("disks/x", &other, "text/plain", None);
        registry.tag("disks/x", "1", &[layer])
    };
    let digest = theirs();

    let refused = refusal(publish(&scene, "reg", &DISK, &[]));
    let expected =
        format!("reg: disks/x:1 is there already: {digest} (choose another tag, or say --overwrite)\n");
    assert_eq!(refused, (Some(1), expected));
    let plan = publish_well(&scene, "reg", &DISK, &["--plan", "--overwrite"]);
    assert!(plan.contains("  warning: disks/x:1 is there and will be another one\n"), "{plan}");
    publish_well(&scene, "reg", &DISK, &["--overwrite"]);
    let ours = registry.manifest("disks/x", "1").expect("a manifest");
    assert_eq!(ours["artifactType"], "application/x-qemu-disk");
    // Another tag has the same blob: to delete one leaves the other whole.
    publish_well(&scene, "reg", &[&DISK[..], &["tagName=second"]].concat(), &[]);
    scene.ays.succeeds(&["publication", "delete", "1", "--remote"]);
    assert_eq!(registry.tags("disks/x"), ["second"]);
    let out = scene.lab.dir().join("out");
    copy_out(&registry, "disks/x", "second", &out);

    // What somebody else has put in its place since is not ours to remove.
    publish_well(&scene, "reg", &DISK, &[]);
    let digest = theirs();
    scene.ays.succeeds(&["publication", "delete", "3", "--remote"]);
    let manifest = registry.manifest("disks/x", "1").expect("a manifest");
    assert_eq!(manifest["layers"][0]["mediaType"], "text/plain", "{digest} {manifest:#}");
}

#[test]
fn names_that_a_registry_does_not_take_are_refused_before_a_byte_is_sent() {
    let scene = Scene::new();
    scene.publish_x(35);
    scene.succeeds(&[]);
    let registry = start(&scene);
    create_accounts(&scene, "reg.toml", &open(&registry));
    let of = |fields: &[&str]| refusal(publish(&scene, "reg", fields, &[]));
    let wrong = of(&["as=artifact", "namespace=Disks", "repositoryName=x/", "tagName=.one"]);
    let expected = "reg: `Disks/x/` is no name of a repository (small letters and digits, \
                    `.`, `_`, `-` within, parts divided by `/`, 255 characters at most); `.one` is no tag (letters, \
                    digits, `.`, `_` and `-`, not first `.` or `-`, 128 characters at most)\n";
    assert_eq!(wrong, (Some(1), expected.to_owned()));
    let unknown = of(&["as=disk", "namespace=disks", "repositoryname=x"]);
    let expected = "reg: `as`: `disk` is none of layer, artifact; `repositoryname` is no field of a docker \
                    publication; is repositoryName meant?; a docker publication needs `repositoryName`: the rest of the \
                    repository's name\n    cure: --set KEY=VALUE says a field\n";
    assert_eq!(unknown, (Some(2), expected.to_owned()));
}
