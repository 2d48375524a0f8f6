//! Images go to clouds and registries: the whole way, and whatever fails on it.

mod accounts;
mod aws;
mod docker;
mod faults;
mod openstack;
mod secrets;
mod stage;

use std::fs;

use serde_json::{Value, json};

use crate::support::{Output, Scene};

/// A file with an account, beside the environment.
fn account_file(scene: &Scene, name: &str, text: &str) -> String {
    let path = scene.lab.dir().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Makes accounts that a file says.
fn create_accounts(scene: &Scene, name: &str, text: &str) -> String {
    let file = account_file(scene, name, text);
    scene.ays.succeeds(&["account", "create", "--file", &file])
}

/// The exit code and the words of accounts that are not made; the file's name in the words is `FILE`. Nothing is kept of them.
fn refuse_accounts(scene: &Scene, name: &str, text: &str) -> (Option<i32>, String) {
    let known = |verb: &str| -> Value { scene.ays.json(&[verb, "list"]) };
    let before = [known("account"), known("secret")];
    let file = account_file(scene, name, text);
    let Output { code, stdout, stderr } = scene.ays.run(&["account", "create", "--file", &file]);
    assert_eq!(stdout, "", "{stderr}");
    assert_eq!([known("account"), known("secret")], before, "{stderr}");
    (code, without_clear_text(&stderr).replace(&file, "FILE"))
}

/// What was said, without the warnings that secrets go to a service without encryption: most services of these stories have none.
fn without_clear_text(said: &str) -> String {
    let lines = said.split_inclusive('\n');
    lines.filter(|line| !(line.starts_with("warning: ") && line.ends_with(" in clear text\n"))).collect()
}

/// How a publication ended that came to nothing: its exit code, and what is said below the first line.
fn refusal(output: Output) -> (Option<i32>, String) {
    let below = output.stderr.split_once("error: not all of it was done:\n  ");
    (output.code, below.unwrap_or_else(|| panic!("{output:#?}")).1.to_owned())
}

/// The command that publishes the image `x` with these fields.
fn words<'a>(account: &'a str, fields: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["publish", "-n", "x", "--account", account];
    words.extend(fields.iter().flat_map(|field| ["--set", field]));
    words.extend(more);
    words
}

/// Publishes the image `x` with these fields.
fn publish(scene: &Scene, account: &str, fields: &[&str], more: &[&str]) -> Output {
    scene.ays.run(&words(account, fields, more))
}

/// The same, which must succeed; gives what it printed.
fn publish_well(scene: &Scene, account: &str, fields: &[&str], more: &[&str]) -> String {
    scene.ays.succeeds(&words(account, fields, more))
}

/// What the ledger of a publication says: the kind and the state of each object.
fn ledger(scene: &Scene, publication: u32) -> Vec<(String, String)> {
    let shown = scene.ays.json(&["publication", "show", &publication.to_string()]);
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let objects = shown["ledger"].as_array().expect("a ledger").iter();
    objects.map(|object| (word(&object["kind"]), word(&object["state"]))).collect()
}

/// The states of all publications, the newest first.
fn states(scene: &Scene) -> Vec<Value> {
    let listed = scene.ays.json(&["publication", "list"]);
    listed.as_array().expect("a list").iter().map(|of| of["status"].clone()).collect()
}

/// That `ays recover` finds nothing to do.
fn assert_nothing_to_recover(scene: &Scene) {
    assert_eq!(scene.ays.json(&["recover"]), json!({"ended": [], "strays": []}));
}
