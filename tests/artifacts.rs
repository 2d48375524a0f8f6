//! Disk images in a registry of OCI artifacts: the real Distribution.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::truth::stored;
use crate::support::{
    Certificate, Door, Lab, Many, Output, Registry, Scene, TokenServer, lab, named, qcow2, sha256,
};

const DISK: &str = "application/octet-stream";
const TAR: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// A disk's file, and the hash of the disk.
fn disk(lab: &Lab, name: &str, seed: u64) -> (PathBuf, String) {
    let path = lab.dir().join(name);
    let hash = qcow2(&path, seed);
    (path, hash)
}

fn shell(directory: &Path, command: &str) {
    lab::run("sh", &["-ec", &format!("cd {} && {command}", directory.display())]);
}

fn add(scene: &Scene, url: &str, keys: &str) {
    scene.environment.add_image("x", url, "", &format!("checkmd5:'false'{keys}"));
    scene.environment.commit();
}

fn fails(scene: &Scene, url: &str, keys: &str, told: &str) -> Output {
    add(scene, url, keys);
    let output = scene.run(&["-r"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains(told), "{told}: {output:#?}");
    output
}

fn outdated(scene: &Scene) -> (Option<i32>, Value) {
    let output = scene.ays.run(&["outdated", "--json"]);
    (output.code, serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:#?}")))
}

#[test]
fn an_artifact_is_installed_by_its_tag_and_followed() {
    let scene = Scene::new();
    let registry = Registry::start(&scene.lab);
    let (file, hash) = disk(&scene.lab, "disk.qcow2", 71);
    let layer = registry.layer("disks/x", &file, DISK, Some("disk.qcow2"));
    let first = registry.tag("disks/x", "1", std::slice::from_ref(&layer));
    let url = format!("oci+http://{}/disks/x", registry.host());
    add(&scene, &format!("{url}:1"), "");

    let output = scene.run(&["--dry-run"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    for told in [format!("{url}:1"), "digest of the layer, amd64".to_owned(), "qcow2".to_owned()] {
        assert!(output.stdout.contains(&told), "{told}: {output:#?}");
    }
    let output = scene.ays.run(&["lint", "--online", "servicetemplates/image_x"]);
    assert!(output.stdout.contains("0 errors, 1 warning"), "{output:#?}");
    assert!(output.stdout.contains("http-unverified"), "{output:#?}");

    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
    let generation = &scene.ays.json(&["image", "show", "x"])["generations"][0];
    assert_eq!(
        (&generation["sourceVersion"], &generation["verifiedBy"], &generation["sourceUrl"]),
        (&json!(first), &layer["digest"], &json!(format!("{url}:1")))
    );
    let (code, said) = outdated(&scene);
    assert_eq!((code, &said[0]["state"]), (Some(0), &json!("current")));
    // Nothing to do is nothing read.
    let before = registry.reads(layer["digest"].as_str().unwrap()).len();
    scene.succeeds(&[]);
    assert_eq!(registry.reads(layer["digest"].as_str().unwrap()).len(), before);

    // The tag moves: to the same disk in another manifest, then to another disk.
    let readme = scene.lab.dir().join("README.md");
    fs::write(&readme, "a disk").unwrap();
    let readme = registry.layer("disks/x", &readme, "text/markdown", Some("README.md"));
    registry.tag("disks/x", "1", &[layer, readme]);
    assert_eq!(outdated(&scene).0, Some(0));
    let (file, new_hash) = disk(&scene.lab, "disk.qcow2", 72);
    let layer = registry.layer("disks/x", &file, DISK, Some("disk.qcow2"));
    let second = registry.tag("disks/x", "1", &[layer]);
    let (code, said) = outdated(&scene);
    assert_eq!(
        (code, &said[0]["why"]),
        (Some(10), &json!(format!("its version is {second} now, it was {first}")))
    );
    let output = scene.ays.run(&["install", "--outdated"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(stored(&scene.node).contains(&named("x", &new_hash)));
    assert_eq!(outdated(&scene).0, Some(0));

    // A digest is what it was; lint has nothing to say of it.
    add(&scene, &format!("{url}@{first}"), "");
    let output = scene.ays.run(&["lint", "--online", "servicetemplates/image_x"]);
    assert!(output.stdout.contains("0 errors, 0 warnings"), "{output:#?}");
    assert_eq!(outdated(&scene).0, Some(10));
    scene.succeeds(&["-r"]);
    assert!(stored(&scene.node).contains(&named("x", &hash)));
    assert_eq!(outdated(&scene).0, Some(0));
    let none = format!("sha256:{}", "0".repeat(64));
    fails(
        &scene,
        &format!("{url}@{none}"),
        "",
        &format!("/manifests/{none}: the source refused: 404 Not Found"),
    );
}

#[test]
fn processors_layers_and_archives_are_picked() {
    let scene = Scene::new();
    let registry = Registry::start(&scene.lab);
    let (amd64, hash) = disk(&scene.lab, "amd64.qcow2", 73);
    let (arm64, arm64_hash) = disk(&scene.lab, "arm64.qcow2", 74);
    let layers = [&amd64, &arm64]
        .map(|file| registry.layer("disks/x", file, DISK, Some(file.file_name().unwrap().to_str().unwrap())));
    let [first, second] =
        [0, 1].map(|number| registry.tag("disks/x", ["a", "b"][number], &layers[number..=number]));
    let url = |tag: &str| format!("oci+http://{}/disks/x:{tag}", registry.host());

    registry.index("disks/x", "all", &[("arm64", &second), ("amd64", &first)]);
    for (keys, hash) in [("", &hash), (",\n    arch:'aarch64'", &arm64_hash)] {
        add(&scene, &url("all"), keys);
        scene.succeeds(&["-r"]);
        assert!(stored(&scene.node).contains(&named("x", hash)), "{keys}");
    }
    let told = "it has nothing for the processor s390x; it has amd64, arm64 (arch:'..' picks one)";
    fails(&scene, &url("all"), ",\n    arch:'s390x'", told);
    let lint = scene.ays.run(&["lint", "--online", "servicetemplates/image_x"]);
    assert!(lint.stdout.contains("source-refused") && lint.stdout.contains(told), "{lint:#?}");

    // Two disks in one artifact.
    registry.tag("disks/x", "two", &layers);
    let [one, other] = [0, 1].map(|number| layers[number]["digest"].as_str().unwrap());
    let told = format!(
        "several layers of it may be the disk: amd64.qcow2 ({one}), arm64.qcow2 ({other}); member:'..' picks one"
    );
    fails(&scene, &url("two"), "", &told);
    for member in ["arm64.qcow2", other] {
        add(&scene, &url("two"), &format!(",\n    member:'{member}'"));
        scene.succeeds(&["-r"]);
    }

    // Packed, as oras pushes a file; and in an archive, as KubeVirt's containerDisks are.
    for (seed, pack, file, kind, title) in [
        (75, "gzip -1 -k one.qcow2", "one.qcow2.gz", DISK, Some("one.qcow2.gz")),
        (76, "mkdir disk && cp one.qcow2 disk/ && tar -czf one.tar.gz disk", "one.tar.gz", TAR, None),
    ] {
        let (one, hash) = disk(&scene.lab, "one.qcow2", seed);
        shell(one.parent().unwrap(), pack);
        let layer = registry.layer("disks/x", &one.with_file_name(file), kind, title);
        let config = "application/vnd.docker.container.image.v1+json";
        let config = registry.layer("disks/x", &amd64, config, None);
        let kind = "application/vnd.docker.distribution.manifest.v2+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]});
        registry.put("disks/x", "packed", kind, &manifest);
        // By the layer's title, or a file in it.
        let member = format!(",\n    member:'{}'", title.unwrap_or("one.qcow2"));
        for member in ["", &member] {
            add(&scene, &url("packed"), member);
            let output = scene.run(&["-r", "--dry-run"]);
            let disk = if title.is_some() { "qcow2 in gzip" } else { "qcow2 in tar in gzip" };
            assert!(output.stdout.contains(disk), "{output:#?}");
            scene.succeeds(&["-r"]);
            assert!(stored(&scene.node).contains(&named("x", &hash)), "{file} {member}");
        }
    }
}

#[test]
fn a_new_image_is_an_artifact_in_a_registry_with_a_login() {
    let mut scene = Scene::new();
    let certificate = Certificate::new(&scene.lab);
    let open = Registry::start(&scene.lab);
    let registry = Registry::start_with(&scene.lab, 5443, &Door::Login(&certificate));
    let (file, hash) = disk(&scene.lab, "fedora.qcow2", 76);
    let layer = open.layer("disks/fedora", &file, DISK, Some("Fedora-41.qcow2"));
    let digest = open.tag("disks/fedora", "41", &[layer]);
    let host = registry.host();

    scene.environment.write("keys/ca.pem", &certificate.authority());
    scene.environment.write("ays.toml", "name = 'example'\n[fetch]\nca = ['keys/ca.pem']\n");
    scene.environment.commit();
    let new = |url: &str| scene.ays.run(&["new", "image", "image_fedora", "--url", url]);
    let output = new(&format!("oci://{host}/disks/fedora:41"));
    assert!(output.code == Some(1) && output.stderr.contains("it wants a login"), "{output:#?}");
    let output = new(&format!("oci://pub:wrong-secret@{host}/disks/fedora:41"));
    assert!(output.code == Some(1) && output.stderr.contains("401 Unauthorized"), "{output:#?}");
    assert!(!output.stderr.contains("wrong-secret"), "{output:#?}");

    scene.ays.set("AYS_SECRET_REG", "pub:pub1234");
    let url = format!("oci://$(secret.reg)@{host}/disks/fedora:41");
    let new = ["new", "image", "image_fedora", "--url", &url];
    let output = scene.ays.run(&new);
    let allow = format!("`ays secret allow reg oci://{host}`");
    assert!(output.code != Some(0) && output.stderr.contains(&allow), "{output:#?}");
    scene.ays.succeeds(&["secret", "allow", "reg", &format!("oci://{host}")]);
    // The authority that the repository names.
    let output = scene.ays.run(&new);
    assert!(output.code != Some(0) && output.stderr.contains("--through"), "{output:#?}");
    let through = output.stderr.split("--through ").nth(1).unwrap().split(['`', ' ', '\n']).next().unwrap();
    scene.ays.succeeds(&["secret", "allow", "--through", through]);
    let output = scene.ays.run(&new);
    assert_eq!(output.code, Some(0), "{output:#?}");
    for told in [
        format!("source  oci://***@{host}/disks/fedora:41\n"),
        format!("check   the digest of its layer; the manifest is {digest} now\n"),
    ] {
        assert!(output.stdout.contains(&told), "{told}: {output:#?}");
    }
    let written =
        fs::read_to_string(scene.environment.repo().join("servicetemplates/image_fedora/service.hrd"))
            .unwrap();
    assert!(written.contains(&format!("url:'oci://$(secret.reg)@{host}',")), "{written}");
    assert!(
        written.contains("source:'/disks/fedora:41',") && written.contains("/Fedora-41.qcow2'"),
        "{written}"
    );
    let output = scene.ays.run(&["install", "-n", "image_fedora", "--targetname", "n1"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(stored(&scene.node), [named("Fedora-41", &hash)]);
    let (code, said) = outdated(&scene);
    assert_eq!((code, &said[0]["state"]), (Some(0), &json!("current")));
}

#[test]
fn tokens_are_had_with_the_login_only_where_the_recipe_names_their_server() {
    let mut scene = Scene::new();
    let certificate = Certificate::new(&scene.lab);
    let tokens = TokenServer::start(&scene.lab, &certificate);
    let open = Registry::start(&scene.lab);
    let door = Door::Tokens { certificate: &certificate, realm: tokens.realm() };
    let registry = Registry::start_with(&scene.lab, 5001, &door);
    let (file, hash) = disk(&scene.lab, "disk.qcow2", 77);
    open.tag("disks/x", "1", &[open.layer("disks/x", &file, DISK, None)]);
    let host = registry.host();

    // Without a login a token is had that is good for nothing here.
    fails(&scene, &format!("oci+http://{host}/disks/x:1"), "", "401 Unauthorized");
    let scope = "/token?service=registry&scope=repository%3Adisks%2Fx%3Apull";
    assert_eq!(tokens.requests(), [format!("{scope} ")]);

    scene.ays.set("AYS_SECRET_REG", "pub:pub1234");
    let url = format!("oci+http://$(secret.reg)@{host}/disks/x:1");
    // In clear text: a host alone does not allow that.
    scene.ays.succeeds(&["secret", "allow", "reg", Lab::SOURCE]);
    fails(&scene, &url, "", &format!("`ays secret allow reg oci+http://{host}`"));
    scene.ays.succeeds(&["secret", "allow", "reg", &format!("oci+http://{host}")]);
    let server = tokens.realm().replace("/token", "");
    fails(&scene, &url, "", &format!("tokens:'{server}' in the recipe allows it"));
    let keys = format!(",\n    tokens:'{server}'");
    // The recipe does not allow it alone.
    fails(&scene, &url, &keys, &format!("`ays secret allow reg {server}`"));
    assert_eq!(tokens.requests().len(), 1);
    scene.ays.succeeds(&["secret", "allow", "reg", &server]);
    scene.succeeds(&["-r"]);
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
    assert_eq!(tokens.requests()[1..], [format!("{scope} Basic cHViOnB1YjEyMzQ=")]);
}

#[test]
fn a_layer_is_taken_up_where_it_stopped() {
    let scene = Scene::new();
    let registry = Registry::start(&scene.lab);
    let (file, hash) = disk(&scene.lab, "disk.qcow2", 78);
    let layer = registry.layer("disks/x", &file, DISK, None);
    registry.tag("disks/x", "1", std::slice::from_ref(&layer));
    add(&scene, &format!("oci+http://{}/disks/x:1", registry.host()), "");
    scene.node.limit_rate(4);
    let mut running = scene.spawn(&[]);
    let part = scene.node.path("/var/tmp/.x.qcow2.ays-part");
    let since = Instant::now();
    while fs::metadata(&part).map_or(0, |part| part.len()) < 300_000 {
        assert!(!running.has_ended() && since.elapsed() < Duration::from_secs(60), "{}", running.said());
        // Nothing tells of a file that grows.
        thread::sleep(Duration::from_millis(5));
    }
    running.signal(Signal::SIGKILL);
    running.wait_for_end(Duration::from_secs(10));
    scene.node.wait_until_quiet(Duration::from_secs(15));
    scene.node.limit_rate(1000);
    scene.succeeds(&[]);
    assert_eq!(stored(&scene.node), [named("x", &hash)]);
    assert_eq!(registry.reads(layer["digest"].as_str().unwrap()), [200, 206]);
}

#[test]
fn many_nodes_have_a_layer_from_one_that_reads_it() {
    let scene = Many::new(3, 12);
    let disk = scene.lab.dir().join("disk.qcow2");
    fs::copy(scene.origin.file("x.qcow2"), &disk).unwrap();
    // nginx is a machine of its own there, and has the address.
    let registry = Registry::start_at(&scene.lab, Lab::CONTROLLER, 5000, &Door::Open);
    let layer = registry.layer("disks/x", &disk, DISK, None);
    registry.tag("disks/x", "1", std::slice::from_ref(&layer));
    let url = format!("oci+http://{}/disks/x:1", registry.host());
    scene.environment.add_image("x", &url, "", "checkmd5:'false'");
    scene.environment.commit();
    scene.succeeds(&["--all"]);
    for node in &scene.nodes {
        scene.assert_installed(node);
    }
    let digest = format!("sha256:{}", sha256(&disk));
    assert_eq!(registry.reads(&digest), [200]);
}
