//! Whether what is said of a pool is true of its disk.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use super::ays::Ays;
use super::disk::digest;
use super::node::Node;

/// The pool of a node that names none.
pub const POOL: &str = "/var/lib/ays/templates";

/// The names of stored disks in the pool, hidden ones and the index left out.
pub fn stored(node: &Node) -> Vec<String> {
    let mut names = node.list(POOL);
    names.retain(|name| !name.starts_with('.') && name != "ays-images.json");
    names
}

/// What `ays image show NAME --json` says; none when there is no such image.
pub fn shown(ays: &Ays, name: &str) -> Option<Value> {
    let listed = ays.json(&["image", "list"]);
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|image| &image["name"]).collect();
    names.contains(&&Value::from(name)).then(|| ays.json(&["image", "show", name]))
}

/// The index of the node's pool; none when there is no such file.
pub fn index(node: &Node) -> Option<Value> {
    let text = fs::read_to_string(node.path(POOL).join("ays-images.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("ays-images.json: {error}: {text}")))
}

/// Checks that nothing is said of the node's pool that its disk does not hold: every stored file is the content that
/// its name tells, and every copy that the catalogue calls verified, and every image of the index, is there with its
/// digest.
pub fn assert_true(ays: &Ays, node: &Node, image: &str) {
    for name in stored(node) {
        let hash = hash_of(&node.path(POOL).join(&name));
        let told = name.rsplit_once('-').and_then(|(_, rest)| rest.split('.').next());
        assert_eq!(told, Some(&hash[..12]), "{name} in the pool has the content {hash}");
    }
    let on_disk = |file: &Value, hash: &Value, who: &str| {
        let path = node.path(POOL).join(file.as_str().expect("a file name"));
        assert!(path.is_file(), "{who} says that {file} is there");
        let expected = format!("fsverity-sha256:{}", hash_of(&path));
        assert_eq!(*hash, expected, "{who} says so of {file}");
    };
    for entry in index(node).iter().flat_map(|index| index["images"].as_array().expect("images")) {
        on_disk(&entry["file"], &entry["digest"], "ays-images.json");
    }
    let Some(detail) = shown(ays, image) else { return };
    for generation in detail["generations"].as_array().expect("generations") {
        for copy in generation["copies"].as_array().expect("copies") {
            let is_here = copy["pool"]["node"].as_str().is_none_or(|owner| owner == node.name);
            if is_here && copy["state"] == "verified" {
                on_disk(&copy["file"], &copy["digest"], "the catalogue");
            }
        }
    }
}

thread_local! {
    static HASHES: RefCell<HashMap<[i64; 6], String>> = RefCell::default();
}

/// A raw file's content; one that did not change since it was asked for is not read again.
fn hash_of(path: &Path) -> String {
    let about = fs::metadata(path).unwrap();
    let same = [
        i64::try_from(about.ino()).unwrap(),
        i64::try_from(about.len()).unwrap(),
        about.mtime(),
        about.mtime_nsec(),
        about.ctime(),
        about.ctime_nsec(),
    ];
    HASHES.with_borrow_mut(|hashes| hashes.entry(same).or_insert_with(|| digest(path)).clone())
}
