//! The catalogue as a whole: a database that controllers share, backups, and moving from one to the other.

use std::fs;

use serde_json::Value;

use crate::support::truth::{assert_true, index};
use crate::support::{Ays, Certificate, Lab, Postgres, Scene};

/// A scene with `x` installed, by an operator whose catalogue is in this database.
fn on_database(postgres: &Postgres) -> Scene {
    let mut scene = Scene::new();
    scene.ays.set("AYS_DATABASE", &postgres.address());
    scene.publish_x(1);
    scene.succeeds(&[]);
    scene
}

/// A scene with `x` installed, by an operator whose catalogue is a file.
fn on_file() -> Scene {
    let scene = Scene::new();
    scene.publish_x(1);
    scene.succeeds(&[]);
    scene
}

fn shown(ays: &Ays) -> Value {
    ays.json(&["image", "show", "x"])
}

#[test]
fn controllers_on_one_database_see_one_catalogue() {
    let postgres = Postgres::start();
    let scene = on_database(&postgres);
    assert_true(&scene.ays, &scene.node, "x");
    let mut second = scene.ays.another(&scene.lab, "second");
    second.set("AYS_DATABASE", &postgres.address());
    assert_eq!(shown(&second), shown(&scene.ays));
    // What one has done, the other need not: the pool is theirs together.
    let text = second.succeeds(&["install", "-n", "image_x", "--targetname", "n1"]);
    assert!(text.contains("nothing to do"), "{text}");
    scene.publish_x(2);
    second.succeeds(&["install", "-n", "image_x", "--targetname", "n1", "-r"]);
    assert_eq!(shown(&scene.ays)["generations"].as_array().unwrap().len(), 2);
    assert_eq!(index(&scene.node).unwrap()["images"][0]["generation"], 2);
    // A third one with a catalogue of its own is refused.
    let third = scene.ays.another(&scene.lab, "third");
    let output = third.run(&["install", "-n", "image_x", "--targetname", "n1"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("ays pool adopt"), "{output:#?}");
}

#[test]
fn a_lost_catalogue_comes_back_from_its_backup() {
    let scene = on_file();
    let (before, backup) = (shown(&scene.ays), scene.lab.dir().join("kept.db"));
    let backup = backup.to_str().unwrap();
    let said = scene.ays.succeeds(&["catalogue", "backup", backup]);
    assert!(said.starts_with(&format!("{backup}: ")), "{said}");
    let output = scene.ays.run(&["catalogue", "backup", backup]);
    assert_eq!((output.code, output.stderr), (Some(2), format!("error: {backup} is there already\n")));
    let output = scene.ays.run(&["catalogue", "restore", backup]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("has a catalogue of this environment already"), "{output:#?}");

    let file = file_of(&scene);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{file}{end}"));
    }
    let kept = fs::read(backup).unwrap();
    scene.ays.succeeds(&["catalogue", "restore", backup]);
    assert_eq!(fs::read(backup).unwrap(), kept, "a backup stays as it is");
    assert_eq!(shown(&scene.ays), before);
    let text = scene.succeeds(&[]);
    assert!(text.contains("nothing to do"), "{text}");
}

#[test]
fn a_catalogue_moves_to_a_database_and_back() {
    let mut scene = on_file();
    let postgres = Postgres::start();
    let before = shown(&scene.ays);
    let said = scene.ays.succeeds(&["catalogue", "move-to", &postgres.address()]);
    let (_, last) = said.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(last, format!("now set it in ays.toml: database = {:?}", postgres.address()));
    let output = scene.ays.run(&["image", "list"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("the setting `database` must name that"), "{output:#?}");

    scene.ays.set("AYS_DATABASE", &postgres.address());
    assert_eq!(shown(&scene.ays), before);
    let text = scene.succeeds(&[]);
    assert!(text.contains("nothing to do"), "{text}");
    scene.ays.succeeds(&["catalogue", "move-to", "file"]);
    scene.ays.set("AYS_DATABASE", "");
    assert_eq!(shown(&scene.ays), before);
}

#[test]
fn the_password_of_a_database_goes_only_where_it_may() {
    let (mut scene, postgres) = (on_file(), Postgres::start());
    let address = postgres.address().replace("ays@", "ays:$(secret.team)@");
    scene.ays.set("AYS_DATABASE", &address);
    let output = scene.ays.run(&["image", "list"]);
    assert!(output.code != Some(0) && output.stderr.contains("team"), "{output:#?}");
    scene.ays.set("AYS_SECRET_TEAM", "s3cret");
    let output = scene.ays.run(&["image", "list"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(output.stderr.contains("ays secret allow team"), "{output:#?}");
    scene.ays.succeeds(&["secret", "allow", "team", "postgres://localhost"]);
    scene.ays.succeeds(&["image", "list"]);
    // One that is written down is refused, and not shown.
    scene.ays.set("AYS_DATABASE", &postgres.address().replace("ays@", "ays:s3cret@"));
    let output = scene.ays.run(&["image", "list"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert!(output.stderr.contains("$(secret.NAME)") && !output.stderr.contains("s3cret"), "{output:#?}");
}

#[test]
fn a_server_on_another_machine_proves_who_it_is_and_gets_the_password() {
    let mut scene = on_file();
    let certificate = Certificate::new(&scene.lab);
    let (file, key) = (certificate.certificate_file(), certificate.key_file());
    let _postgres = Postgres::start_with_tls(Lab::SOURCE, &file, &key, "s3cret");
    let address = format!("postgres://team:$(secret.team)@{}/postgres", Lab::SOURCE);
    scene.ays.set("AYS_SECRET_TEAM", "s3cret");
    scene.ays.succeeds(&["secret", "allow", "team", &format!("postgres://{}", Lab::SOURCE)]);

    // Nobody vouches for its certificate.
    scene.ays.set("AYS_DATABASE", &address);
    let output = scene.ays.run(&["image", "list"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(
        output.stderr.contains("the catalogue cannot be opened") && output.stderr.contains("certificate"),
        "{output:#?}"
    );
    scene.ays.set("AYS_DATABASE", &format!("{address}?sslrootcert={}", certificate.authority_file()));
    assert_eq!(scene.ays.json(&["image", "list"]), serde_json::json!([]));
    // Whoever can push to the repository cannot say so.
    scene.ays.set("AYS_DATABASE", "");
    scene.environment.write("ays.toml", &format!("database = '{address}?sslmode=require'\n"));
    let text = fs::read_to_string(scene.environment.repo().join("ays.toml")).unwrap();
    assert!(text.contains("sslmode=require"), "{text}");
    let mut second = scene.ays.another(&scene.lab, "second");
    second.set("AYS_SECRET_TEAM", "s3cret");
    let output = second.run(&["image", "list"]);
    assert_eq!(output.code, Some(3), "{output:#?}");
    assert!(output.stderr.contains("only an operator says"), "{output:#?}");
    // Another password is refused, and none is shown.
    second.set("AYS_DATABASE", &format!("{address}?sslrootcert={}", certificate.authority_file()));
    second.set("AYS_SECRET_TEAM", "wr0ng");
    second.succeeds(&["secret", "allow", "team", &format!("postgres://{}", Lab::SOURCE)]);
    let output = second.run(&["image", "list"]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(!output.stderr.contains("wr0ng") && !output.stderr.contains("s3cret"), "{output:#?}");
}

/// The path of the operator's catalogue.
pub fn file_of(scene: &Scene) -> String {
    let environments = fs::read_dir(scene.ays.state()).unwrap();
    let mut found =
        environments.map(|entry| entry.unwrap().path().join("catalogue.db")).filter(|path| path.exists());
    found.next().unwrap().to_str().unwrap().to_owned()
}
