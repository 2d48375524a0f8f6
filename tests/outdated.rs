//! `ays new image` and `ays outdated`: a source is looked at before there is a recipe, and again later.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{Gpg, Lab, Origin, Scene, named, qcow2, sha256, truth::stored};

/// A release as a cloud-images server has it: a disk image with its SHA256SUMS, in a directory of its date. Gives the
/// disk's SHA-256.
pub fn release(origin: &Origin, date: &str, seed: u64) -> String {
    let directory = origin.file("wily").join(date);
    fs::create_dir_all(&directory).unwrap();
    let image = directory.join("wily-cloudimg-amd64-uefi1.img");
    let hash = qcow2(&image, seed);
    let other = directory.join("wily-cloudimg-arm64.vmdk.sha");
    fs::write(&other, "other files lie there too").unwrap();
    let line = |path: &Path| format!("{} *{}\n", sha256(path), path.file_name().unwrap().display());
    fs::write(directory.join("SHA256SUMS"), line(&other) + line(&image).as_str()).unwrap();
    hash
}

/// Lets `current` lead to another release.
pub fn point(origin: &Origin, date: &str) {
    let link: PathBuf = origin.file("wily/current");
    let _ = fs::remove_file(&link);
    symlink(date, link).unwrap();
}

fn outdated(scene: &Scene) -> (Option<i32>, Value) {
    let output = scene.ays.run(&["outdated", "--json"]);
    let json = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:#?}"));
    (output.code, json)
}

#[test]
fn a_new_image_is_taken_from_a_directory_and_followed() {
    let scene = Scene::new();
    release(&scene.origin, "20151001", 1);
    let hash = release(&scene.origin, "20151105", 2);
    point(&scene.origin, "20151105");
    let url = format!("http://{}/wily/", Lab::SOURCE);
    let output = scene.ays.run(&["new", "image", "image_wily", "--url", &url]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let size = fs::metadata(scene.origin.file("wily/current/wily-cloudimg-amd64-uefi1.img")).unwrap().len();
    let size = format!("{:.1} MB", size as f64 / 1e6);
    assert_eq!(
        output.stdout,
        format!(
            "source  {url}current/wily-cloudimg-amd64-uefi1.img\n        {size}, qcow2, a disk of 4.2 MB\n\
             check   SHA256SUMS beside it\n\
             wrote   servicetemplates/image_wily/service.hrd\n        servicetemplates/image_wily/actions.py\n        \
             servicetemplates/image_wily/instance.hrd\n\
             next    ays env save -m 'New image image_wily'\n        ays install -n image_wily --targetname NODE\n"
        )
    );
    assert_eq!(outdated(&scene), (Some(0), json!([])));

    let install = ["install", "-n", "image_wily", "--targetname", "n1"];
    let output = scene.ays.run(&install);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert_eq!(stored(&scene.node), [named("wily-cloudimg-amd64-uefi1", &hash)]);
    let (code, said) = outdated(&scene);
    let made_at = said[0]["madeAt"].clone();
    let asked = |state: &str| {
        json!({
            "image": "Wily", "gid": 1, "template": "image_wily", "generation": 1, "madeAt": made_at,
            "nodes": [{ "node": "n1", "instance": "main", "generation": 1 }], "state": state,
        })
    };
    assert_eq!((code, said), (Some(0), json!([asked("current")])));

    let old = sha256(&scene.origin.file("wily/current/wily-cloudimg-amd64-uefi1.img"));
    let new_hash = release(&scene.origin, "20151201", 3);
    point(&scene.origin, "20151201");
    let new = sha256(&scene.origin.file("wily/current/wily-cloudimg-amd64-uefi1.img"));
    let (code, said) = outdated(&scene);
    let mut expected = asked("outdated");
    expected["why"] = json!(format!("its SHA-256 is {new} now, it was {old}"));
    assert_eq!((code, said), (Some(10), json!([expected])));

    let output = scene.ays.run(&["install", "--outdated"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    let both = [&hash, &new_hash].map(|hash| named("wily-cloudimg-amd64-uefi1", hash));
    let mut held = stored(&scene.node);
    held.sort_by_key(|name| *name == both[1]);
    assert_eq!(held, both);
    assert_eq!(outdated(&scene).0, Some(0));
    let output = scene.ays.run(&["install", "--outdated"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), "nothing is outdated\n"), "{output:#?}");

    fs::remove_file(scene.origin.file("wily/current")).unwrap();
    let output = scene.ays.run(&["outdated"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert_eq!(
        output.stderr,
        format!(
            "Wily: {url}current/SHA256SUMS: no checksum for wily-cloudimg-amd64-uefi1.img in it: 404 Not Found\n\
             error: 1 image is of unknown state\n"
        )
    );
}

#[test]
fn a_new_image_is_proven_by_a_key_that_is_asked_for_once() {
    let scene = Scene::new();
    let gpg = Gpg::new();
    let user = "Builder <builder@images.example>";
    gpg.key(user, "ed25519", "sign", "0");
    let (key, fingerprint) = (gpg.public(user), gpg.fingerprint(user));
    let hash = release(&scene.origin, "20151105", 2);
    point(&scene.origin, "20151105");
    let sums = scene.origin.file("wily/20151105/SHA256SUMS");
    let list = fs::read(&sums).unwrap();
    fs::write(sums.with_extension("gpg"), gpg.sign(user, &["--detach-sign"], &list)).unwrap();
    let url = format!("http://{}/wily/", Lab::SOURCE);
    let new = ["new", "image", "image_wily", "--url", &url];
    // Nobody has the key yet: it is named, and the recipe is as without.
    let output = scene.ays.run(&new);
    let unknown = format!(
        "signed  SHA256SUMS.gpg: it is signed by the key {fingerprint}, which is not in the environment's keys/"
    );
    assert!(output.code == Some(0) && output.stdout.contains(&unknown), "{output:#?}");
    let recipe = scene.environment.repo().join("servicetemplates/image_wily");
    assert!(!fs::read_to_string(recipe.join("service.hrd")).unwrap().contains("signed"));
    fs::remove_dir_all(&recipe).unwrap();
    // It lies beside the list: it is not taken unless somebody says so.
    fs::write(scene.origin.file("wily/20151105/builder.asc"), &key).unwrap();
    let output = scene.ays.run(&new);
    let found = format!(
        "signed  SHA256SUMS.gpg by the key {fingerprint} ({user})\n        found in {url}current/builder.asc\n"
    );
    assert!(output.stdout.contains(&format!("{found}        not taken")), "{output:#?}");
    fs::remove_dir_all(&recipe).unwrap();
    let output = scene.ays.run(&[&new[..], &["--yes"]].concat());
    assert!(
        output
            .stdout
            .contains(&format!("{found}check   SHA256SUMS beside it\nwrote   keys/{fingerprint}.asc\n")),
        "{output:#?}"
    );
    assert!(
        fs::read_to_string(recipe.join("service.hrd"))
            .unwrap()
            .contains("sums:'SHA256SUMS',\n    signed:'SHA256SUMS.gpg',")
    );

    let output = scene.ays.run(&["install", "-n", "image_wily", "--targetname", "n1"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(output.stdout.contains(&format!("proven by the key {fingerprint} ({user})")), "{output:#?}");
    assert_eq!(stored(&scene.node), [named("wily-cloudimg-amd64-uefi1", &hash)]);
    let shown = scene.ays.run(&["image", "show", "Wily"]);
    assert!(
        shown.stdout.contains(&format!("     proven  by the key {fingerprint} ({user})\n")),
        "{shown:#?}"
    );
    let shown: Value =
        serde_json::from_str(&scene.ays.run(&["image", "show", "Wily", "--json"]).stdout).unwrap();
    let generation = &shown["generations"][0];
    assert_eq!((&generation["signedBy"], &generation["signer"]), (&json!(fingerprint), &json!(user)));
    assert_eq!(outdated(&scene).0, Some(0));
    let lint = scene.ays.run(&["lint", "--online"]);
    assert!(!lint.stdout.contains("image_wily/"), "{lint:#?}");

    // Another list, signed by nobody of ours: nothing is installed, nothing is said to be newer.
    let other = [&list[..], b"#\n"].concat();
    fs::write(&sums, &other).unwrap();
    let output = scene.ays.run(&["install", "-n", "image_wily", "--targetname", "n1", "-r"]);
    let bad = format!("the signature by {fingerprint} ({user}) does not fit");
    assert!(output.code == Some(1) && output.stderr.contains(&bad), "{output:#?}");
    let (code, said) = outdated(&scene);
    assert_eq!((code, &said[0]["state"]), (Some(1), &json!("unknown")));
    let lint = scene.ays.run(&["lint", "--online"]);
    assert!(lint.stdout.contains("source-refused") && lint.stdout.contains(&bad), "{lint:#?}");
}

#[test]
fn whoever_is_at_a_terminal_says_whether_a_key_may_prove_images() {
    let scene = Scene::new();
    let gpg = Gpg::new();
    let user = "Builder <builder@images.example>";
    gpg.key(user, "ed25519", "sign", "0");
    let fingerprint = gpg.fingerprint(user);
    release(&scene.origin, "20151105", 2);
    point(&scene.origin, "20151105");
    let sums = scene.origin.file("wily/20151105/SHA256SUMS");
    let signature = gpg.sign(user, &["--detach-sign"], &fs::read(&sums).unwrap());
    fs::write(sums.with_extension("gpg"), signature).unwrap();
    fs::write(scene.origin.file("wily/20151105/builder.asc"), gpg.public(user)).unwrap();
    let url = format!("http://{}/wily/", Lab::SOURCE);
    let new = [
        "new",
        "image",
        "image_wily",
        "--url",
        &url,
        "--display-name",
        "Wily",
        "--category",
        "Linux",
        "--size",
        "10",
    ];
    let recipe = scene.environment.repo().join("servicetemplates/image_wily");
    let key = scene.environment.repo().join(format!("keys/{fingerprint}.asc"));
    for (said, is_taken) in [("n", false), ("", false), ("y", true)] {
        let mut terminal = scene.ays.on_terminal(&new);
        terminal.expect(&format!("signed  SHA256SUMS.gpg by the key {fingerprint} ({user})"));
        terminal.expect("May it prove what this environment fetches?");
        terminal.enter(said);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0), "{shown}");
        assert_eq!((shown.contains("not taken"), key.exists()), (!is_taken, is_taken), "{said:?}: {shown}");
        let service = fs::read_to_string(recipe.join("service.hrd")).unwrap();
        assert_eq!(service.contains("signed:'SHA256SUMS.gpg'"), is_taken, "{said:?}: {service}");
        fs::remove_dir_all(&recipe).unwrap();
    }
    // One that is in the environment is not asked for again.
    let (code, shown) = scene.ays.on_terminal(&new).end();
    assert!(code == Some(0) && !shown.contains("May it prove"), "{shown}");
}

/// A version of a product, as cloud-images.ubuntu.com describes it, with its streams; signed by somebody. Gives the disk's
/// SHA-256.
fn stream(origin: &Origin, gpg: &Gpg, user: &str, version: &str, seed: u64) -> String {
    let path = format!("server/releases/noble/release-{version}/ubuntu-24.04-server-cloudimg-amd64.img");
    let image = origin.file("releases").join(&path);
    fs::create_dir_all(image.parent().unwrap()).unwrap();
    let hash = qcow2(&image, seed);
    let streams = origin.file("releases/streams/v1");
    fs::create_dir_all(&streams).unwrap();
    let id = "com.ubuntu.cloud:server:24.04:amd64";
    let name = "com.ubuntu.cloud:released:download";
    let item =
        |path: &str, sha256: &str| json!({"ftype": "disk1.img", "path": path, "sha256": sha256, "size": 1});
    let products = json!({
        "format": "products:1.0", "content_id": name, "datatype": "image-downloads",
        "products": {
            id: {
                "aliases": "24.04,n,noble,default,lts", "arch": "amd64", "os": "ubuntu", "release": "noble",
                "version": "24.04", "versions": {
                    "20240423": {"items": {"disk1.img": item("server/releases/noble/old.img", &"0".repeat(64))}},
                    version: {"items": {
                        "disk1.img": item(&path, &sha256(&image)),
                        "manifest": {"ftype": "manifest", "path": "x.manifest", "sha256": "0", "size": 1},
                    }},
                },
            },
        },
    });
    let index = |ending: &str| {
        let path = format!("streams/v1/{name}.{ending}");
        json!({"format": "index:1.0", "index": {
            name: {"datatype": "image-downloads", "format": "products:1.0", "path": path, "products": [id]},
            "com.ubuntu.cloud:released:aws": {
                "datatype": "image-ids", "format": "products:1.0", "path": "streams/v1/aws.json", "products": [id],
            },
        }})
    };
    let pretty = |value: &Value| serde_json::to_vec_pretty(value).unwrap();
    let clear = |value: &Value| gpg.sign(user, &["--clearsign"], &pretty(value));
    fs::write(streams.join("index.json"), pretty(&index("json"))).unwrap();
    fs::write(streams.join("index.sjson"), clear(&index("sjson"))).unwrap();
    fs::write(streams.join(format!("{name}.json")), pretty(&products)).unwrap();
    fs::write(streams.join(format!("{name}.sjson")), clear(&products)).unwrap();
    hash
}

#[test]
fn a_new_image_is_a_product_of_a_stream_and_followed_by_its_version() {
    let scene = Scene::new();
    let gpg = Gpg::new();
    let user = "Cloud Images <images@images.example>";
    gpg.key(user, "rsa2048", "sign", "0");
    let hash = stream(&scene.origin, &gpg, user, "20241106", 2);
    let url = format!("http://{}/releases/", Lab::SOURCE);
    let key = scene.environment.repo().parent().unwrap().join("images.asc");
    fs::write(&key, gpg.public(user)).unwrap();
    let new = ["new", "image", "image_noble", "--url", &url, "--product", "ubuntu:24.04:amd64"];
    let output = scene.ays.run(&[&new[..], &["--key", key.to_str().unwrap(), "--yes"]].concat());
    let fingerprint = gpg.fingerprint(user);
    assert_eq!(output.code, Some(0), "{output:#?}");
    for told in [
        format!(
            "source  {url}server/releases/noble/release-20241106/ubuntu-24.04-server-cloudimg-amd64.img\n"
        ),
        format!("signed  index.sjson by the key {fingerprint} ({user})\n"),
        "check   disk1.img of ubuntu:24.04:amd64 in the stream, now version 20241106\n".to_owned(),
        format!("wrote   keys/{fingerprint}.asc\n"),
    ] {
        assert!(output.stdout.contains(&told), "{told}: {output:#?}");
    }
    let install = ["install", "-n", "image_noble", "--targetname", "n1"];
    let output = scene.ays.run(&install);
    assert!(output.code == Some(0) && output.stdout.contains("proven by the key"), "{output:#?}");
    assert_eq!(stored(&scene.node), [named("ubuntu-24.04-server-cloudimg-amd64", &hash)]);
    let shown: Value =
        serde_json::from_str(&scene.ays.run(&["image", "show", "Noble", "--json"]).stdout).unwrap();
    let generation = &shown["generations"][0];
    assert_eq!(
        (&generation["signedBy"], &generation["sourceVersion"]),
        (&json!(fingerprint), &json!("20241106"))
    );
    let (code, said) = outdated(&scene);
    assert_eq!((code, &said[0]["state"]), (Some(0), &json!("current")));
    let lint = scene.ays.run(&["lint", "--online", "servicetemplates/image_noble"]);
    assert!(lint.code == Some(0) && lint.stdout.contains("0 errors, 0 warnings"), "{lint:#?}");

    let new_hash = stream(&scene.origin, &gpg, user, "20241206", 3);
    let (code, said) = outdated(&scene);
    assert_eq!((code, &said[0]["why"]), (Some(10), &json!("its version is 20241206 now, it was 20241106")));
    let output = scene.ays.run(&["install", "--outdated"]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(stored(&scene.node).contains(&named("ubuntu-24.04-server-cloudimg-amd64", &new_hash)));

    // Streams that somebody else has signed lead nowhere.
    gpg.key("Thief <thief@x>", "ed25519", "sign", "0");
    stream(&scene.origin, &gpg, "thief@x", "20250101", 4);
    let output = scene.ays.run(&[&install[..], &["-r"]].concat());
    let thief = gpg.fingerprint("thief@x");
    let unknown =
        format!("index.sjson: it is signed by the key {thief}, which is not in the environment's keys/");
    assert!(output.code == Some(1) && output.stderr.contains(&unknown), "{output:#?}");
}
