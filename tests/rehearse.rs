//! Rehearsals: every step of every path goes wrong once, in every way, and the end is as it is without.

use serde_json::Value;

use crate::support::{Ftp, Lab, Scene, last_line};

/// All faults of an install; each must end as the install does without it.
fn rehearse(scene: &Scene, more: &[&str]) -> Vec<String> {
    let options = ["install", "-n", "image_x", "--rehearse", "--fail-at", "all", "--json"];
    let output = scene.ays.run(&[&options, more].concat());
    let mut rehearsed = Vec::new();
    for line in output.stdout.lines() {
        let outcome: Value = serde_json::from_str(line).unwrap();
        // The events of the run without a fault come first.
        if let Some(wrong) = outcome.get("wrong") {
            assert_eq!(wrong, &Value::Array(Vec::new()), "{outcome:#}");
            let [step, kind] = ["step", "kind"].map(|key| outcome[key].as_str().unwrap().to_owned());
            rehearsed.push(format!("{step}:{kind}"));
        }
    }
    assert_eq!(output.code, Some(0), "{output:#?}");
    let left = std::fs::read_dir(scene.ays.temporary()).unwrap().count();
    assert_eq!(left, 0, "a rehearsal leaves nothing");
    rehearsed
}

fn all_of(steps: &[&str]) -> Vec<String> {
    steps.iter().flat_map(|step| ["fail", "lost", "kill"].map(|kind| format!("{step}:{kind}"))).collect()
}

/// What is stored is looked into on the way, and looked at again before it is recorded.
const NEW: [&str; 10] =
    ["connect", "owner", "check", "fetch", "store", "look", "index", "record", "remove", "installed"];

#[test]
fn every_step_over_http() {
    let scene = Scene::new();
    scene.publish_x(1);
    scene.environment.commit();
    assert_eq!(rehearse(&scene, &[]), all_of(&NEW));
}

#[test]
fn every_step_over_ftp() {
    let scene = Scene::new();
    let ftp = Ftp::start(&scene.lab);
    scene.publish_x(2);
    ftp.publish_md5("x.qcow2");
    let url = format!("ftp://pub:pub1234@{}", Lab::SOURCE);
    scene.environment.add_image("x", &url, "/x.qcow2", "checkmd5:'true'");
    scene.environment.commit();
    assert_eq!(rehearse(&scene, &[]), all_of(&NEW));
}

#[test]
fn every_step_of_doing_it_again() {
    let scene = Scene::new();
    scene.publish_x(3);
    scene.environment.commit();
    let again =
        ["connect", "owner", "check", "fetch", "look", "index", "record", "inspect", "remove", "installed"];
    assert_eq!(rehearse(&scene, &["-r"]), all_of(&again));
}

#[test]
fn a_step_that_does_not_occur_is_an_error_that_names_those_that_do() {
    let scene = Scene::new();
    scene.publish_x(4);
    let output = scene.ays.run(&["install", "-n", "image_x", "--rehearse", "--fail-at", "stoer"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert!(last_line(&output.stderr).contains(&NEW.join(", ")), "{output:#?}");
}
