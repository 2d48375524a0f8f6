//! Packed images, from real servers onto nodes.

use std::fs;
use std::process::Command;

use crate::support::truth::{assert_true, stored};
use crate::support::{Lab, Many, Scene, named, sha256};

fn shell(directory: &std::path::Path, command: &str) {
    let status = Command::new("sh").args(["-ec", command]).current_dir(directory).status().unwrap();
    assert!(status.success(), "{command}");
}

#[test]
fn many_nodes_unpack_what_one_of_them_reads() {
    let scene = Many::new(3, 12);
    let packed = scene.origin.file("x.qcow2.xz");
    shell(packed.parent().unwrap(), "xz -0 -k x.qcow2 && md5sum x.qcow2.xz >x.qcow2.xz.md5sum");
    scene.environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.qcow2.xz", "checkmd5:'true'");
    scene.environment.commit();
    scene.succeeds(&["--all"]);
    for node in &scene.nodes {
        scene.assert_installed(node);
    }
    let size = fs::metadata(&packed).unwrap().len();
    assert!(scene.origin.sent("x.qcow2.xz") < size * 3 / 2, "{} of {size}", scene.origin.sent("x.qcow2.xz"));
}

#[test]
fn nodes_that_share_a_pool_unpack_an_archive_once() {
    let scene = Many::new(2, 1);
    let shared = scene.lab.dir().join("shared");
    fs::create_dir(&shared).unwrap();
    let pool = "[pool.vmstor]\npath = \"/mnt/vmstor/templates\"\nshared = true\n";
    scene.environment.write("ays.toml", &format!("name = \"example\"\n\n{pool}"));
    for node in &scene.nodes {
        node.mount(&shared, "/mnt/vmstor/templates");
        scene.environment.add_node(node, "instance.pool = 'vmstor'\n");
    }
    let archive = scene.origin.file("x.tar.gz");
    shell(archive.parent().unwrap(), "tar -czf x.tar.gz x.qcow2 && md5sum x.tar.gz >x.tar.gz.md5sum");
    let url = format!("http://{}", Lab::SOURCE);
    scene.environment.add_image("x", &url, "/x.tar.gz", "checkmd5:'true',\n    member:'x.qcow2'");
    scene.environment.commit();
    scene.succeeds(&["--all"]);
    let size = fs::metadata(&archive).unwrap().len();
    assert!(scene.origin.sent("x.tar.gz") < size * 3 / 2, "{} of {size}", scene.origin.sent("x.tar.gz"));
}

#[test]
fn a_list_that_names_the_disk_proves_it_and_tells_what_is_newer() {
    let scene = Scene::new();
    let (hash, content) = scene.disk(31);
    let directory = scene.origin.file("");
    let publish = |content: &[u8]| {
        fs::write(scene.origin.file("x.img"), content).unwrap();
        shell(&directory, "sha256sum x.img >SHA256SUMS && rm -f x.img.xz && xz -0 x.img");
    };
    publish(&content);
    scene.environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.img.xz", "sums:'SHA256SUMS'");
    scene.environment.commit();
    let said = scene.succeeds(&[]);
    assert!(said.contains("the disk in it is verified by its SHA-256"), "{said}");
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
    assert_true(&scene.ays, &scene.node, "x");
    let shown = scene.ays.json(&["image", "show", "x"]);
    let proof = format!("inside sha256:{}", digest_of(&content));
    assert_eq!(shown["generations"][0]["verifiedBy"], proof, "{shown}");
    let state = |scene: &Scene| scene.ays.spawn(&["outdated", "--json"]).wait();
    assert!(state(&scene).stdout.contains("\"current\""), "{:?}", state(&scene));

    // A newer disk, and a list that does not fit what is packed.
    publish(&scene.disk(32).1);
    assert!(state(&scene).stdout.contains("its disk's SHA-256 is "), "{:?}", state(&scene));
    fs::write(scene.origin.file("SHA256SUMS"), format!("{}  x.img\n", "5e".repeat(32))).unwrap();
    let output = scene.run(&["-r"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("SHA-256 of the disk in it is "), "{output:#?}");
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
    assert_eq!(scene.node.list("/var/tmp"), [""; 0]);
}

#[test]
fn a_refused_image_does_not_stay() {
    let scene = Scene::new();
    let directory = scene.origin.file("");
    let (one, content) = scene.disk(33);
    fs::write(scene.origin.file("one.img"), content).unwrap();
    let (hash, content) = scene.disk(34);
    fs::write(scene.origin.file("two.img"), content).unwrap();
    shell(&directory, "tar -czf x.tar.gz one.img two.img && md5sum x.tar.gz >x.tar.gz.md5sum");
    scene.environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.tar.gz", "checkmd5:'true'");
    scene.environment.commit();
    let output = scene.run(&[]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("it holds several disks: one.img, two.img"), "{output:#?}");
    assert_eq!(scene.node.list("/var/tmp"), [""; 0]);

    scene.environment.add_image(
        "x",
        &format!("http://{}", Lab::SOURCE),
        "/x.tar.gz",
        "checkmd5:'true',\n    member:'two.img'",
    );
    scene.environment.commit();
    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), [named("x", &hash)]);

    // The same archive, another disk in it: what is known of the archive is not taken for it.
    scene.environment.add_image(
        "x",
        &format!("http://{}", Lab::SOURCE),
        "/x.tar.gz",
        "checkmd5:'true',\n    member:'one.img'",
    );
    scene.environment.commit();
    scene.succeeds(&[]);
    let shown = scene.ays.json(&["image", "show", "x"]);
    assert!(shown["generations"][0]["content"].to_string().contains(&one), "{shown}");
    scene.environment.add_image("x", &format!("http://{}", Lab::SOURCE), "/x.tar.gz", "checkmd5:'true'");
    scene.environment.commit();
    let output = scene.run(&[]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("it holds several disks"), "{output:#?}");
}

#[test]
fn what_is_packed_is_seen_before_anything_is_done() {
    let scene = Scene::new();
    let directory = scene.origin.file("");
    fs::write(scene.origin.file("x.qcow2"), scene.disk(35).1).unwrap();
    shell(&directory, "tar -cJf x.tar.xz x.qcow2 && echo text | gzip >notes.gz");
    let (url, check) = (format!("http://{}", Lab::SOURCE), format!("sha256:'{}'", "5e".repeat(32)));
    scene.environment.add_image("x", &url, "/x.tar.xz", &check);
    scene.environment.add_image("notes", &url, "/notes.gz", &check);
    scene.environment.commit();
    let address = format!("{url}/x.tar.xz");
    let said = scene.ays.succeeds(&["new", "image", "image_new", "--url", &address, "--size", "10"]);
    assert!(said.contains(", qcow2 in tar in xz"), "{said}");
    let recipe = scene.environment.repo().join("servicetemplates/image_new/service.hrd");
    assert!(fs::read_to_string(recipe).unwrap().contains("/x.tar.xz',"));
    let said = scene.succeeds(&["--dry-run"]);
    assert!(said.contains(", qcow2 in tar in xz, seen from here"), "{said}");
    let notes = |reason: &str| {
        let said = scene.ays.run(&["install", "-n", "image_notes", "--targetname", "n1", "--dry-run"]).stdout;
        assert!(said.contains(&format!("NO IMAGE, seen from here: {reason}")), "{said}");
        let said = scene.ays.run(&["lint", "--online", "servicetemplates/image_notes"]).stdout;
        let expected = format!("error[source-no-image]: {url}/notes.gz: {reason}");
        assert!(said.contains(&expected), "{said}");
    };
    notes("it is packed with gzip, and what is in it cannot be registered: it is text, not a disk image");
    fs::write(scene.origin.file("notes.gz"), "<html>moved</html>").unwrap();
    notes("it is an HTML page, not a disk image");
}

fn digest_of(bytes: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    fs::write(&path, bytes).unwrap();
    sha256(&path)
}
