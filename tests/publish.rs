//! Images go to clouds and registries: the whole way, and whatever fails on it.

mod docker;

use std::fs;

use crate::support::Scene;

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
