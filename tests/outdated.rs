//! `ays new image` and `ays outdated`: a source is looked at before there is a recipe, and again later.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{Lab, Origin, Scene, named, qcow2, sha256, truth::stored};

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
    fs::write(directory.join("SHA256SUMS"), line(&other) + &line(&image)).unwrap();
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
