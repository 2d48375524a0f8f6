//! The texts of a simplestreams server. The input's first two lines are the product and its item.

use ays_helper::{Newest, newest, product_files};
use url::Url;

/// See the module.
pub fn check(data: &[u8]) {
    let input = String::from_utf8_lossy(data);
    let (product, rest) = input.split_once('\n').unwrap_or(("ubuntu:24.04:amd64", &input));
    let (item, text) = rest.split_once('\n').unwrap_or(("disk1.img", rest));
    for path in product_files(text, product).into_iter().flatten() {
        stays_below(&path);
    }
    if let Ok(Newest { path, checksum, .. }) = newest(text, product, item) {
        stays_below(&path);
        let digits = checksum.digits();
        let stands_there = text.to_ascii_lowercase().contains(&digits) || text.contains("\\u");
        assert!(stands_there, "{digits} does not stand there");
    }
}

/// A path in a stream leads to nothing beside or above its directory.
fn stays_below(path: &str) {
    let Ok(mut url) = Url::parse("http://h/a/b/") else { return };
    url.set_path(&format!("/a/b/{path}"));
    assert!(url.path().starts_with("/a/b/") && url.path() != "/a/b/", "{path:?} leads to {url}");
    assert!(url.query().is_none() && url.fragment().is_none(), "{path:?} leads to {url}");
}
